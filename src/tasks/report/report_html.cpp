#include "tasks/report/report_html.h"

#include <algorithm>
#include <cmath>

#include "tasks/report/report_charts.h"
#include "tasks/report/report_svg.h"
#include "tasks/report/sweep_writer.h"

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

std::string bdi(const std::string& text) { return "<bdi>" + escape_html(text) + "</bdi>"; }

std::string percent(double v, int decimals = 2) { return fixed_text(100 * v, decimals) + "%"; }

std::string quality_text(const SweepReport& r, double v) {
  return r.regression ? fixed_text(v, 4) : percent(v);
}

std::string thousands(int64_t n) {
  std::string s = std::to_string(n);
  for (auto i = static_cast<std::ptrdiff_t>(s.size()) - 3; i > 0; i -= 3)
    s.insert(static_cast<size_t>(i), ",");
  return s;
}

void figure(const std::string& svg, const std::string& caption, std::string* out) {
  *out += "<figure>" + svg;
  if (!caption.empty()) *out += "<figcaption>" + escape_html(caption) + "</figcaption>";
  *out += "</figure>\n";
}

bool is_timed(const SweepReport& r) {
  return std::any_of(r.points.begin(), r.points.end(),
                     [](const SweepPoint& p) { return !p.timings.empty(); });
}

void append_head(const SweepReport& r, const std::string& title, std::string* out) {
  *out += "<h1>" + bdi(title) + "</h1>\n<p>" + bdi(r.model) + " (" + escape_html(r.dialect) + ", " +
          std::to_string(r.layers) + " layers, " + std::to_string(r.exits.size()) +
          (r.exits.size() == 1 ? " exit) on " : " exits) on ") + bdi(r.data) + ": " +
          thousands(r.rows) + " rows, " + thousands(r.tokens) + " tokens.";
  if (!r.labelled) *out += " The rows have no labels: answers are compared with full depth.";
  *out += "</p>\n<p class=\"soft\">Every exit was computed once for every row (" +
          fixed_text(r.pass_seconds, 2) + " s on " + std::to_string(r.threads) +
          (r.threads == 1 ? " thread); " : " threads); ") +
          thousands(static_cast<int64_t>(r.points.size())) +
          " settings of the exit policy were then judged exactly as they would answer (" +
          fixed_text(r.sweep_seconds, 3) + " s).</p>\n";
}

void append_curves(const SweepReport& r, std::string* out) {
  *out +=
      "<h2>" + escape_html(r.quality_name) +
      " against speed</h2>\n<p>To the left is faster, up "
      "is better. The broad band is the front: no setting here is better and cheaper than those "
      "on it.";
  if (r.searched) {
    *out +=
        " The thresholds of the by-layer curve were chosen on these very rows, so it is "
        "flattering; <code>costeff tune --per-layer</code> tests them on rows of their own.";
  }
  *out += "</p>\n<div class=\"charts\">\n";
  const ChartSize size{360, 330, 11};
  if (is_timed(r)) {
    figure(speed_chart(r, SpeedAxis::time, "", size),
           "Measured wall time; median, whiskers from the fastest to the slowest pass.", out);
  }
  figure(speed_chart(r, SpeedAxis::macs, "", size),
         "Multiply-accumulates a row, the off-ramps that are asked included.", out);
  figure(speed_chart(r, SpeedAxis::layers, "", size), "Mean exit layer.", out);
  *out += "</div>\n";
}

void append_points(const SweepReport& r, const std::vector<size_t>& picked, std::string* out) {
  *out +=
      "<h2>Settings on the front, and full depth</h2>\n<div "
      "class=\"scroll\"><table><thead><tr><th>setting</th>"
      "<th>" +
      escape_html(r.quality_name) + "</th><th>" + (r.regression ? "Spearman" : "95% interval") +
      "</th><th>" + (r.regression ? "differs by" : "agrees with full depth") +
      "</th><th>mean layer</th><th>layers saved</th><th>MACs</th></tr></thead><tbody>\n";
  for (const size_t i : picked) {
    const SweepPoint& p = r.points[i];
    *out += "<tr><td>" + escape_html(p.text) + "</td><td>" + quality_text(r, p.quality) +
            "</td><td>" +
            (r.regression ? fixed_text(p.spearman, 4)
                          : percent(p.interval.low, 1) + "\u2013" + percent(p.interval.high, 1)) +
            "</td><td>" + (r.regression ? fixed_text(p.agreement, 4) : percent(p.agreement, 1)) +
            "</td><td>" + fixed_text(p.mean_layer, 2) + "</td><td>" + percent(p.layers_saved, 1) +
            "</td><td>" + fixed_text(p.speedup_macs, 2) + "x fewer</td></tr>\n";
  }
  *out += "</tbody></table></div>\n";
}

void append_timing_charts(const SweepReport& r, std::string* out) {
  if (!is_timed(r)) return;
  *out +=
      "<h2>Measured time</h2>\n<p>Whole passes over the data on " + std::to_string(r.threads) +
      (r.threads == 1 ? " thread" : " threads") +
      ", interleaved, each setting once a round; median and range of the rounds, speed-up against "
      "full depth of the same round.</p>\n<div class=\"scroll\"><table><thead><tr><th>setting</th>"
      "<th>" +
      escape_html(r.quality_name) +
      "</th><th>batch, tokens</th><th>rows/s</th><th>range</th><th>speed-up</th></tr></thead>"
      "<tbody>\n";
  for (const SweepPoint& p : r.points) {
    for (const SweepTiming& t : p.timings) {
      *out += "<tr><td>" + escape_html(p.text) + "</td><td>" + quality_text(r, p.quality) +
              "</td><td>" + std::to_string(t.batch_tokens) + "</td><td>" +
              fixed_text(t.rows_per_s, 0) + "</td><td>" + fixed_text(t.rows_per_s_low, 0) +
              "\u2013" + fixed_text(t.rows_per_s_high, 0) + "</td><td>" + fixed_text(t.speedup, 2) +
              "x</td></tr>\n";
    }
  }
  *out += "</tbody></table></div>\n";
}

void append_histogram(const SweepReport& r, const std::vector<size_t>& picked, std::string* out) {
  *out +=
      "<h2>Where rows leave</h2>\n<p>Share of the rows that leave after each layer.</p>\n"
      "<div class=\"scroll\"><table><thead><tr><th>setting</th>";
  for (const ExitSummary& e : r.exits) *out += "<th>layer " + std::to_string(e.layer) + "</th>";
  *out += "</tr></thead><tbody>\n";
  for (const size_t i : picked) {
    const SweepPoint& p = r.points[i];
    *out += "<tr><td>" + escape_html(p.text) + "</td>";
    for (const ExitSummary& e : r.exits) {
      const double share = static_cast<double>(p.histogram[static_cast<size_t>(e.layer - 1)]) /
                           static_cast<double>(r.rows);
      *out += "<td class=\"bar\"><i style=\"height:" + fixed_text(100 * share, 1) + "%\"></i><b>" +
              percent(share, share > 0 && share < 0.0995 ? 1 : 0) + "</b></td>";
    }
    *out += "</tr>\n";
  }
  *out += "</tbody></table></div>\n";
}

void append_exit_charts(const SweepReport& r, std::string* out) {
  *out += "<h2>Each exit by itself</h2>\n<div class=\"charts\">\n";
  const ChartSize size{360, 240, 11};
  figure(quality_by_layer_chart(r, size),
         r.quality_name + " if all rows left at that layer" +
             (r.regression ? "." : "; whiskers: 95%, exact binomial."),
         out);
  if (!r.regression)
    figure(entropy_by_layer_chart(r, size), "Mean entropy of the exits, nats.", out);
  *out += "</div>\n";
  if (r.regression) return;
  *out +=
      "<h2>Can the probabilities be believed?</h2>\n<p>Of answers given with a probability, how "
      "many are right: on the diagonal as many as promised, below it fewer. Larger marks stand "
      "for more rows. ECE: expected calibration error, 10 bins.</p>\n<div class=\"small\">\n";
  for (const ExitSummary& e : r.exits) figure(reliability_chart(e), "", out);
  *out += "</div>\n";
}

void append_disagreements(const SweepReport& r, std::string* out) {
  if (r.regression) return;
  *out += "<h2>Where an early exit and the last disagree</h2>\n<p>" +
          thousands(r.disagreeing_rows) + " of " + thousands(r.rows) +
          " rows have an early exit with another answer than the last";
  *out += r.disagreements.empty()
              ? ".</p>\n"
              : "; the surest of those early answers:</p>\n<ul class=\"cases\">\n";
  const auto name = [&](int64_t label) {
    const auto i = static_cast<size_t>(label);
    return bdi(i < r.labels.size() ? r.labels[i] : std::to_string(label));
  };
  for (const Disagreement& d : r.disagreements) {
    *out += "<li>" + bdi(d.text);
    if (!d.pair.empty()) *out += " <b>|</b> " + bdi(d.pair);
    *out += "<br><small>row " + thousands(d.row + 1) + " \u00b7 layer " + std::to_string(d.layer) +
            ": " + name(d.early_label) + " " + fixed_text(static_cast<double>(d.early_prob), 3) +
            " \u00b7 layer " + std::to_string(r.layers) + ": " + name(d.last_label) + " " +
            fixed_text(static_cast<double>(d.last_prob), 3);
    if (!d.gold.empty()) *out += " \u00b7 label in the data: " + bdi(d.gold);
    *out += "</small></li>\n";
  }
  if (!r.disagreements.empty()) *out += "</ul>\n";
}

}  // namespace

std::string sweep_svg(const SweepReport& r, SpeedAxis axis, const std::string& title) {
  const ChartSize size{720, 420, 13};
  std::string svg = speed_chart(r, axis, title, size);
  // A file of its own: its style, and paper to be drawn on.
  const size_t begin = svg.find('>') + 1;
  svg.insert(begin, "<style>" + report_style("svg") +
                        "</style><rect width=\"720\" height=\"420\" "
                        "class=\"paper\"/>");
  return svg + "\n";
}

std::string sweep_html(const SweepReport& r, const std::string& title) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"
      "style-src 'unsafe-inline'\">\n<title>" +
      escape_html(title) + "</title>\n<style>\n" + report_style(":root") + kPageStyle +
      "\n</style></head><body>\n";
  std::vector<size_t> picked = pick_points(r.points, 10);
  // Full depth, the first point, to compare with.
  if (std::find(picked.begin(), picked.end(), size_t{0}) == picked.end()) picked.push_back(0);
  append_head(r, title, &out);
  append_curves(r, &out);
  append_points(r, picked, &out);
  append_timing_charts(r, &out);
  append_histogram(r, picked, &out);
  append_exit_charts(r, &out);
  append_disagreements(r, &out);
  return out + "</body></html>\n";
}

}  // namespace costeff::tasks
