#include "tasks/page/page.h"

#include <cmath>

#include "base/format.h"
#include "tasks/page/svg.h"

namespace costeff::tasks {
namespace {

constexpr const char* kPageStyle =
    "*{box-sizing:border-box}html{color-scheme:light dark}"
    "body{margin:0 auto;max-width:1120px;padding:16px;background:var(--paper);color:var(--ink);"
    "font:16px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif}"
    "h1{font-size:1.5rem;line-height:1.25;margin:.4em 0;overflow-wrap:anywhere}"
    "h2{font-size:1.15rem;margin:2em 0 .3em}h3{font-size:1rem;margin:1.2em 0 .3em}"
    "p{margin:.4em 0;max-width:72ch}"
    ".soft{color:var(--soft)}"
    ".verdict{border:2px solid var(--c0);border-radius:10px;padding:10px 16px;margin:12px 0}"
    ".verdict p:first-child{font-size:1.1rem}"
    "pre{margin:.5em 0;padding:8px 10px;border:1px solid var(--grid);border-radius:6px;"
    "white-space:pre-wrap;overflow-wrap:anywhere;font-size:.85rem}"
    ".charts{display:grid;gap:16px;grid-template-columns:repeat(auto-fit,minmax(min(100%,340px),"
    "1fr))}"
    ".charts figure,.small figure{margin:0;min-width:0;border:1px solid var(--grid);"
    "border-radius:8px;padding:8px}"
    ".charts figure{max-width:560px}figcaption{font-size:.9rem;color:var(--soft)}"
    "svg{display:block;width:100%;height:auto}"
    ".small{display:grid;gap:10px;grid-template-columns:repeat(auto-fill,minmax(min(100%,230px),"
    "1fr))}"
    ".scroll{overflow-x:auto}.hint{display:none;font-size:.8rem;color:var(--soft);margin:0}"
    "table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}"
    "th,td{padding:4px 8px;border-bottom:1px solid var(--grid);text-align:right;vertical-align:top}"
    "th{color:var(--soft);font-weight:600;vertical-align:bottom}"
    "th[tabindex]{cursor:pointer}th[aria-sort=ascending]::after{content:' \\2191'}"
    "th[aria-sort=descending]::after{content:' \\2193'}"
    "th:first-child,td:first-child{text-align:left}"
    "td:not(:first-child){white-space:nowrap}td:first-child{vertical-align:middle}"
    ".tag{display:inline-block;border:1px solid var(--soft);border-radius:9px;padding:0 6px;"
    "font-size:.75rem;color:var(--soft);white-space:nowrap}"
    "@media(max-width:600px){.hint{display:block}th,td{padding:4px 5px}"
    "th:first-child,td:first-child{min-width:34vw;max-width:36vw;overflow-wrap:anywhere;"
    "position:sticky;left:0;background:var(--paper);z-index:1}}"
    "td.bar{padding:0;height:44px;min-width:44px;vertical-align:bottom;position:relative}"
    "td.bar i{position:absolute;left:3px;right:3px;bottom:0;background:var(--c0);opacity:.35}"
    "td.bar b{position:relative;font-weight:400;padding:4px;display:block;text-align:center}"
    "summary{cursor:pointer;font-weight:600;margin:1em 0}"
    ".cases{list-style:none;padding:0}"
    ".cases li{border:1px solid var(--grid);border-radius:8px;padding:8px 12px;margin:8px 0;"
    "overflow-wrap:anywhere}"
    ".cases small{color:var(--soft)}";

}  // namespace

const std::string_view kPageScript =
    "for(const table of document.querySelectorAll('table'))"
    "table.querySelectorAll('th').forEach((head,column)=>{"
    "head.tabIndex=0;head.title='Sort by this column';"
    "const key=row=>{const cell=row.cells[column];"
    "return'v'in cell.dataset?Number(cell.dataset.v):cell.textContent};"
    "const sort=()=>{const was=head.getAttribute('aria-sort');"
    "const number=[...table.tBodies[0].rows].some(row=>'v'in row.cells[column].dataset);"
    "const up=was?was==='descending':!number;"
    "for(const other of head.parentNode.cells)other.removeAttribute('aria-sort');"
    "head.setAttribute('aria-sort',up?'ascending':'descending');"
    "const body=table.tBodies[0];"
    "[...body.rows].sort((a,b)=>{const x=key(a),y=key(b);"
    "return(x<y?-1:x>y?1:0)*(up?1:-1)}).forEach(row=>body.append(row))};"
    "head.addEventListener('click',sort);"
    "head.addEventListener('keydown',e=>{"
    "if(e.key==='Enter'||e.key===' '){e.preventDefault();sort()}})});"
    "for(const hint of document.querySelectorAll('.hint')){"
    "const box=hint.nextElementSibling;hint.hidden=box.scrollWidth<=box.clientWidth}";

const std::string_view kPageScriptHash = "ux1qJ6aL5N3WrkeLcUl6pNgeITBgEmeTXbTzWhPYYwE=";

std::string page_end() { return fmt::format("<script>{}</script>\n</body></html>\n", kPageScript); }

std::string html_text(const std::string& text) {
  return fmt::format("<bdi>{}</bdi>", escape_html(text));
}

void append_figure(const std::string& svg, const std::string& caption, std::string* out) {
  append_format(out, "<figure>{}", svg);
  if (!caption.empty()) append_format(out, "<figcaption>{}</figcaption>", escape_html(caption));
  *out += "</figure>\n";
}

void append_table(const Table& t, std::string* out) {
  *out +=
      "<p class=\"hint\">Scroll sideways for more columns.</p>\n"
      "<div class=\"scroll\"><table><thead><tr>";
  for (const std::string& head : t.heads) append_format(out, "<th>{}</th>", head);
  *out += "</tr></thead><tbody>\n";
  for (const auto& row : t.rows) {
    *out += "<tr>";
    for (const Cell& cell : row) {
      *out += "<td";
      if (cell.bar) *out += " class=\"bar\"";
      if (!std::isnan(cell.value)) append_format(out, " data-v=\"{:.9g}\"", cell.value);
      *out += '>';
      if (cell.bar) append_format(out, "<i style=\"height:{:.1f}%\"></i>", 100 * cell.value);
      *out += cell.bar ? "<b>" + cell.html + "</b></td>" : cell.html + "</td>";
    }
    *out += "</tr>\n";
  }
  *out += "</tbody></table></div>\n";
}

std::string page_begin(const std::string& title) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"
      "style-src 'unsafe-inline';script-src 'sha256-{}'\">\n<title>{}</title>\n"
      "<style>\n{}{}\n</style></head><body>\n<h1>{}</h1>\n",
      kPageScriptHash, escape_html(title), report_style(":root"), kPageStyle, html_text(title));
}

}  // namespace costeff::tasks
