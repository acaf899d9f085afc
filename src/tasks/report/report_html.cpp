#include "tasks/report/report_html.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "tasks/report/report_charts.h"
#include "tasks/report/report_svg.h"
#include "tasks/report/sweep_writer.h"
#include "tasks/write/format_text.h"

namespace costeff::tasks {
namespace {

constexpr const char* kPageStyle =
    "*{box-sizing:border-box}html{color-scheme:light dark}"
    "body{margin:0 auto;max-width:1120px;padding:16px;background:var(--paper);color:var(--ink);"
    "font:16px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif}"
    "h1{font-size:1.5rem;line-height:1.25;margin:.4em 0;overflow-wrap:anywhere}"
    "h2{font-size:1.15rem;margin:2em 0 .3em}p{margin:.4em 0;max-width:72ch}"
    ".soft{color:var(--soft)}"
    ".charts{display:grid;gap:16px;grid-template-columns:repeat(auto-fit,minmax(min(100%,340px),"
    "1fr))}"
    ".charts figure,.small figure{margin:0;min-width:0;border:1px solid var(--grid);"
    "border-radius:8px;padding:8px}"
    ".charts figure{max-width:560px}figcaption{font-size:.9rem;color:var(--soft)}"
    "svg{display:block;width:100%;height:auto}"
    ".small{display:grid;gap:10px;grid-template-columns:repeat(auto-fill,minmax(140px,1fr))}"
    ".scroll{overflow-x:auto}"
    "table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}"
    "th,td{padding:4px 8px;border-bottom:1px solid var(--grid);text-align:right;vertical-align:top}"
    "th{color:var(--soft);font-weight:600;vertical-align:bottom}"
    "th:first-child,td:first-child,.left{text-align:left}"
    "td:not(:first-child){white-space:nowrap}td:first-child{vertical-align:middle}"
    "@media(max-width:600px){th,td{padding:4px 5px}"
    "th:first-child,td:first-child{min-width:34vw;max-width:36vw;overflow-wrap:anywhere;"
    "position:sticky;left:0;background:var(--paper);z-index:1}}"
    "td.bar{padding:0;height:44px;min-width:44px;vertical-align:bottom;position:relative}"
    "td.bar i{position:absolute;left:3px;right:3px;bottom:0;background:var(--c0);opacity:.35}"
    "td.bar b{position:relative;font-weight:400;padding:4px;display:block;text-align:center}"
    ".cases{list-style:none;padding:0}"
    ".cases li{border:1px solid var(--grid);border-radius:8px;padding:8px 12px;margin:8px 0;"
    "overflow-wrap:anywhere}"
    ".cases small{color:var(--soft)}";

std::string percent(double v, int decimals = 2) {
  return fmt::format("{:.{}f}%", 100 * v, decimals);
}

std::string quality_text(const SweepReport& r, double v) {
  return is_regression(r) ? fixed_text(v, 4) : percent(v);
}

bool is_timed(const SweepReport& r) {
  return std::any_of(r.points.begin(), r.points.end(),
                     [](const SweepPoint& p) { return !p.timings.empty(); });
}

void append_head(const SweepReport& r, std::string* out) {
  append_format(out, "<p>{} ({}, {} layers, {} {}) on {}: {} rows, {} tokens.", html_text(r.model),
                escape_html(r.dialect), r.layers, r.exits.size(),
                r.exits.size() == 1 ? "exit" : "exits", html_text(r.data), grouped(r.rows),
                grouped(r.tokens));
  if (!r.labelled) *out += " The rows have no labels: answers are compared with full depth.";
  append_format(
      out,
      "</p>\n<p class=\"soft\">Every exit was computed once for every row ({:.2f} s on {} "
      "{}); {} settings of the exit policy were then judged exactly as they would answer "
      "({:.3f} s).</p>\n",
      r.pass_seconds, r.threads, r.threads == 1 ? "thread" : "threads",
      grouped(static_cast<int64_t>(r.points.size())), r.sweep_seconds);
}

void append_curves(const SweepReport& r, std::string* out) {
  append_format(out,
                "<h2>{} against speed</h2>\n<p>To the left is faster, up is better. The broad band "
                "is the front: no setting here is better and cheaper than those on it.",
                escape_html(r.quality_name));
  if (r.searched) {
    *out +=
        " The thresholds of the by-layer curve were chosen on these very rows, so it is "
        "flattering; <code>costeff tune --per-layer</code> tests them on rows of their own.";
  }
  *out += "</p>\n<div class=\"charts\">\n";
  const ChartSize size{360, 330, 11};
  if (is_timed(r)) {
    append_figure(speed_chart(r, SpeedAxis::time, "", size),
                  "Measured wall time; median, whiskers from the fastest to the slowest pass.",
                  out);
  }
  append_figure(speed_chart(r, SpeedAxis::macs, "", size),
                "Multiply-accumulates a row, with the off-ramps that are asked.", out);
  append_figure(speed_chart(r, SpeedAxis::layers, "", size), "Mean exit layer.", out);
  *out += "</div>\n";
}

void append_points(const SweepReport& r, const std::vector<size_t>& picked, std::string* out) {
  append_format(
      out,
      "<h2>Settings on the front, and full depth</h2>\n<div class=\"scroll\"><table><thead><tr>"
      "<th>setting</th><th>{}</th><th>{}</th><th>{}</th><th>mean layer</th><th>layers saved</th>"
      "<th>MACs</th></tr></thead><tbody>\n",
      escape_html(r.quality_name), is_regression(r) ? "Spearman" : "95% interval",
      is_regression(r) ? "differs by" : "agrees with full depth");
  for (const size_t i : picked) {
    const SweepPoint& p = r.points[i];
    const std::string range =
        is_regression(r) ? fixed_text(p.spearman, 4)
                         : percent(p.interval.low, 1) + "\u2013" + percent(p.interval.high, 1);
    const std::string agreement =
        is_regression(r) ? fixed_text(p.agreement, 4) : percent(p.agreement, 1);
    append_format(out,
                  "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.2f}</td><td>{}</td>"
                  "<td>{:.2f}x fewer</td></tr>\n",
                  escape_html(p.text), quality_text(r, p.quality), range, agreement, p.mean_layer,
                  percent(p.layers_saved, 1), p.speedup_macs);
  }
  *out += "</tbody></table></div>\n";
}

void append_timing_charts(const SweepReport& r, std::string* out) {
  if (!is_timed(r)) return;
  append_format(
      out,
      "<h2>Measured time</h2>\n<p>Whole passes over the data on {} {}, interleaved, each setting "
      "once "
      "a round; median and range of the rounds, speed-up against full depth of the same "
      "round.</p>\n"
      "<div class=\"scroll\"><table><thead><tr><th>setting</th><th>{}</th><th>batch, tokens</th>"
      "<th>rows/s</th><th>range</th><th>speed-up</th></tr></thead><tbody>\n",
      r.threads, r.threads == 1 ? "thread" : "threads", escape_html(r.quality_name));
  for (const SweepPoint& p : r.points) {
    for (const SweepTiming& t : p.timings) {
      append_format(
          out,
          "<tr><td>{}</td><td>{}</td><td>{}</td><td>{:.0f}</td><td>{:.0f}\u2013{:.0f}</td>"
          "<td>{:.2f}x</td></tr>\n",
          escape_html(p.text), quality_text(r, p.quality), t.batch_tokens, t.rows_per_s,
          t.rows_per_s_low, t.rows_per_s_high, t.speedup);
    }
  }
  *out += "</tbody></table></div>\n";
}

void append_histogram(const SweepReport& r, const std::vector<size_t>& picked, std::string* out) {
  *out +=
      "<h2>Where rows leave</h2>\n<p>Share of the rows that leave after each layer.</p>\n"
      "<div class=\"scroll\"><table><thead><tr><th>setting</th>";
  for (const ExitSummary& e : r.exits) append_format(out, "<th>layer {}</th>", e.layer);
  *out += "</tr></thead><tbody>\n";
  for (const size_t i : picked) {
    const SweepPoint& p = r.points[i];
    append_format(out, "<tr><td>{}</td>", escape_html(p.text));
    for (const ExitSummary& e : r.exits) {
      const double share = static_cast<double>(p.histogram[static_cast<size_t>(e.layer - 1)]) /
                           static_cast<double>(r.rows);
      append_format(out, "<td class=\"bar\"><i style=\"height:{:.1f}%\"></i><b>{}</b></td>",
                    100 * share, percent(share, share > 0 && share < 0.0995 ? 1 : 0));
    }
    *out += "</tr>\n";
  }
  *out += "</tbody></table></div>\n";
}

void append_exit_charts(const SweepReport& r, std::string* out) {
  *out += "<h2>Each exit by itself</h2>\n<div class=\"charts\">\n";
  const ChartSize size{360, 240, 11};
  append_figure(quality_by_layer_chart(r, size),
                fmt::format("{} if all rows left at that layer{}", r.quality_name,
                            is_regression(r) ? "." : "; whiskers: 95%, exact binomial."),
                out);
  if (!is_regression(r))
    append_figure(entropy_by_layer_chart(r, size), "Mean entropy of the exits, nats.", out);
  *out += "</div>\n";
  if (is_regression(r)) return;
  *out +=
      "<h2>Can the probabilities be believed?</h2>\n<p>Of answers given with a probability, how "
      "many are right: on the diagonal as many as promised, below it fewer. Larger marks stand "
      "for more rows. ECE: expected calibration error, 10 bins.</p>\n<div class=\"small\">\n";
  for (const ExitSummary& e : r.exits) append_figure(reliability_chart(e), "", out);
  *out += "</div>\n";
}

void append_disagreements(const SweepReport& r, std::string* out) {
  if (is_regression(r)) return;
  append_format(
      out,
      "<h2>Where an early exit and the last disagree</h2>\n<p>{} of {} rows have an early "
      "exit with another answer than the last{}",
      grouped(r.disagreeing_rows), grouped(r.rows),
      r.disagreements.empty() ? ".</p>\n"
                              : "; the surest of those early answers:</p>\n<ul class=\"cases\">\n");
  const auto name = [&](int64_t label) {
    const std::string text = answer_name(r, label);
    return text.empty() ? std::string("no label") : html_text(text);
  };
  for (const Disagreement& d : r.disagreements) {
    append_format(out, "<li>{}", html_text(d.text));
    if (!d.pair.empty()) append_format(out, " <b>|</b> {}", html_text(d.pair));
    append_format(out, "<br><small>row {} \u00b7 layer {}: {} {:.3f} \u00b7 layer {}: {} {:.3f}",
                  grouped(d.row + 1), d.layer, name(d.early_label),
                  static_cast<double>(d.early_prob), r.layers, name(d.last_label), d.last_prob);
    if (!d.gold.empty()) append_format(out, " \u00b7 label in the data: {}", html_text(d.gold));
    *out += "</small></li>\n";
  }
  if (!r.disagreements.empty()) *out += "</ul>\n";
}

}  // namespace

std::string sweep_svg(const SweepReport& r, SpeedAxis axis, const std::string& title) {
  const ChartSize size{720, 420, 13};
  std::string svg = speed_chart(r, axis, title, size);
  // The file stands alone: it needs its style, and paper to draw on.
  const size_t begin = svg.find('>') + 1;
  svg.insert(begin,
             fmt::format("<style>{}</style><rect width=\"720\" height=\"420\" class=\"paper\"/>",
                         report_style("svg")));
  return svg + "\n";
}

std::string html_text(const std::string& text) {
  return fmt::format("<bdi>{}</bdi>", escape_html(text));
}

void append_figure(const std::string& svg, const std::string& caption, std::string* out) {
  append_format(out, "<figure>{}", svg);
  if (!caption.empty()) append_format(out, "<figcaption>{}</figcaption>", escape_html(caption));
  *out += "</figure>\n";
}

std::string page_begin(const std::string& title) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"
      "style-src 'unsafe-inline'\">\n<title>{}</title>\n<style>\n{}{}\n</style></head><body>\n"
      "<h1>{}</h1>\n",
      escape_html(title), report_style(":root"), kPageStyle, html_text(title));
}

std::string sweep_html(const SweepReport& r, const std::string& title) {
  std::string out = page_begin(title);
  std::vector<size_t> picked = pick_points(r.points, 10);
  // The first point is full depth, to compare with.
  if (std::find(picked.begin(), picked.end(), size_t{0}) == picked.end()) picked.push_back(0);
  append_head(r, &out);
  append_curves(r, &out);
  append_points(r, picked, &out);
  append_timing_charts(r, &out);
  append_histogram(r, picked, &out);
  append_exit_charts(r, &out);
  append_disagreements(r, &out);
  return out.append(kPageEnd);
}

}  // namespace costeff::tasks
