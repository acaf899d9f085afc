#include "tasks/page/sweep_sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/format.h"
#include "tasks/page/class_sections.h"
#include "tasks/page/exit_charts.h"
#include "tasks/page/page.h"
#include "tasks/page/speed_chart.h"
#include "tasks/page/svg.h"
#include "tasks/report/verdict_text.h"
#include "tasks/sweep/points.h"
#include "tasks/write/format_text.h"

namespace costeff::tasks {
namespace {

constexpr size_t kShown = 10;  // settings of the front in tables

bool is_timed(const SweepReport& r) {
  return std::any_of(r.points.begin(), r.points.end(),
                     [](const SweepPoint& p) { return !p.timings.empty(); });
}

// The settings of all tables, by rising cost: some of the front, full depth, the model's own policy and the
// recommended one.
std::vector<size_t> table_points(const SweepReport& r) {
  std::vector<size_t> out = pick_points(r.points, kShown);
  const auto add = [&](size_t i) {
    if (std::find(out.begin(), out.end(), i) == out.end()) out.push_back(i);
  };
  add(0);
  add(static_cast<size_t>(r.verdict.point));
  for (size_t i = 0; i < r.points.size(); ++i) {
    if (is_own(r, r.points[i])) {
      add(i);
      break;
    }
  }
  std::stable_sort(out.begin(), out.end(),
                   [&](size_t a, size_t b) { return r.points[a].macs < r.points[b].macs; });
  return out;
}

// The setting, with what is special about it.
Cell setting_cell(const SweepReport& r, size_t i) {
  const SweepPoint& p = r.points[i];
  std::string html = i == 0 ? "full depth" : escape_html(p.text);
  if (i > 0 && i == static_cast<size_t>(r.verdict.point))
    html += " <span class=\"tag\">recommended</span>";
  if (is_own(r, p)) html += " <span class=\"tag\">the model's own</span>";
  if (p.fitted) html += " <span class=\"tag\">fitted to these rows</span>";
  return {html};
}

void append_head(const SweepReport& r, std::string* out) {
  append_format(out, "<p>{} ({}, {}, {}) on {}: {}, {}.", html_text(r.model),
                escape_html(r.dialect), counted(r.layers, "layer", "layers"),
                counted(static_cast<int64_t>(r.exits.size()), "exit", "exits"), html_text(r.data),
                counted(r.rows, "row", "rows"), counted(r.tokens, "token", "tokens"));
  if (!r.windows.empty()) {
    append_format(out,
                  " Texts longer than the model were read in {}; such a text leaves where its "
                  "deepest window does.",
                  escape_html(r.windows));
  }
  if (!r.label_thresholds.empty()) {
    append_format(out, " Labels with a probability above {} are part of an answer.",
                  fmt::join(r.label_thresholds, ", "));
  }
  if (!r.labelled) *out += " The rows have no labels: answers are compared with full depth.";
  append_format(
      out,
      "</p>\n<p class=\"soft\">Every exit was computed once for every row ({:.2f} s on {} "
      "{}); {} settings of the exit policy were then judged exactly as they would answer "
      "({:.3f} s).</p>\n",
      r.pass_seconds, r.threads, r.threads == 1 ? "thread" : "threads",
      grouped(static_cast<int64_t>(r.points.size())), r.sweep_seconds);
}

void append_verdict(const SweepReport& r, std::string* out) {
  append_format(out, "<section class=\"verdict\"><p>{}</p>\n<p>{}</p>\n",
                escape_html(verdict_text(r)), escape_html(own_policy_text(r)));
  append_command(command_to_show(r), out);
  *out += "</section>\n";
}

void append_curves(const SweepReport& r, std::string* out) {
  append_format(out,
                "<h2>{} against speed</h2>\n<p>To the left is faster, up is better. The broad line "
                "is the front: no setting here is better and cheaper than those on it.{}",
                capital(escape_html(r.quality_name)),
                r.labelled && !is_regression(r)
                    ? " The band across is the 95% interval of full depth: settings in it differ "
                      "by less than these rows can tell."
                    : "");
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
  const double from = close_look_from(r);
  if (std::isfinite(from)) {
    append_figure(speed_chart(r, SpeedAxis::macs, "", size, from),
                  fmt::format("A closer look: settings from {} {} on.", r.quality_name,
                              quality_text(r, from)),
                  out);
  }
  *out += "</div>\n";
}

void append_settings_table(const SweepReport& r, const std::vector<size_t>& picked,
                           std::string* out) {
  *out += "<h2>Settings on the front, and full depth</h2>\n";
  Table t;
  t.heads = {"Setting",
             capital(escape_html(r.quality_name)),
             is_regression(r) ? "Spearman" : "95% interval",
             "Change",
             is_regression(r) ? "Differs by" : "Agrees with full depth",
             "Mean layer",
             "Layers saved",
             "Fewer MACs"};
  for (const size_t i : picked) {
    const SweepPoint& p = r.points[i];
    t.rows.push_back(
        {setting_cell(r, i),
         {quality_text(r, p.quality), p.quality},
         is_regression(r) ? Cell{quality_text(r, p.spearman), p.spearman}
                          : Cell{interval_text(r, p.interval), p.interval.low},
         {!std::isfinite(p.change) ? "\u2013"
          : is_regression(r)       ? fmt::format("{:+.4f}", p.change)
                                   : fmt::format("{:+.2f} points", 100 * p.change),
          p.change},
         {is_regression(r) ? fixed_text(p.agreement, 4) : percent(p.agreement, 1), p.agreement},
         {fmt::format("{:.2f}", p.mean_layer), p.mean_layer},
         {percent(p.layers_saved, 1), p.layers_saved},
         {fmt::format("{:.2f}x", p.speedup_macs), p.speedup_macs}});
  }
  append_table(t, out);
}

void append_time_table(const SweepReport& r, std::string* out) {
  if (!is_timed(r)) return;
  append_format(
      out,
      "<h2>Measured time</h2>\n<p>Whole passes over the data on {} {}, interleaved, each setting "
      "once a round; median and range of the rounds, speed-up against full depth of the same "
      "round. Latency: of up to 500 single rows, each given as soon as the one before was "
      "answered.</p>\n",
      r.threads, r.threads == 1 ? "thread" : "threads");
  Table t;
  t.heads = {"Setting",       capital(escape_html(r.quality_name)),
             "Batch, tokens", "Rows/s",
             "Range",         "Speed-up",
             "Latency p50",   "Latency p99"};
  for (size_t i = 0; i < r.points.size(); ++i) {
    const SweepPoint& p = r.points[i];
    for (const SweepTiming& s : p.timings) {
      const Latency l = p.latency.value_or(Latency{});
      const auto ms = [&](double v) { return l.rows > 0 ? fmt::format("{:.2f} ms", v) : ""; };
      t.rows.push_back({setting_cell(r, i),
                        {quality_text(r, p.quality), p.quality},
                        {grouped(s.batch_tokens), static_cast<double>(s.batch_tokens)},
                        {fmt::format("{:.0f}", s.rows_per_s), s.rows_per_s},
                        {fmt::format("{:.0f}\u2013{:.0f}", s.rows_per_s_low, s.rows_per_s_high),
                         s.rows_per_s_low},
                        {fmt::format("{:.2f}x", s.speedup), s.speedup},
                        {ms(l.p50_ms), l.p50_ms},
                        {ms(l.p99_ms), l.p99_ms}});
    }
  }
  append_table(t, out);
}

void append_histogram(const SweepReport& r, const std::vector<size_t>& picked, std::string* out) {
  *out += "<h2>Where rows leave</h2>\n<p>Share of the rows that leave after each layer.</p>\n";
  Table t;
  t.heads = {"Setting"};
  for (const ExitSummary& e : r.exits) t.heads.push_back(fmt::format("Layer {}", e.layer));
  for (const size_t i : picked) {
    auto& row = t.rows.emplace_back();
    row.push_back(setting_cell(r, i));
    for (const ExitSummary& e : r.exits) {
      const double share =
          static_cast<double>(r.points[i].histogram[static_cast<size_t>(e.layer - 1)]) /
          static_cast<double>(std::max<int64_t>(1, r.rows));
      row.emplace_back(percent(share, share > 0 && share < 0.0995 ? 1 : 0), share).bar = true;
    }
  }
  append_table(t, out);
}

void append_exit_table(const SweepReport& r, std::string* out) {
  *out +=
      "<p>An exit is a good judge of itself if its surest answers are its right ones. "
      "Risk\u2013coverage: the share of wrong answers among the surest, averaged over every number "
      "of them, by entropy; beside it what an order that knows nothing and a perfect one would "
      "reach. An exit may be well calibrated (small ECE) and yet a poor judge.</p>\n";
  Table t;
  t.heads = {"Layer",         capital(escape_html(r.quality_name)),
             "95% interval",  "Mean entropy",
             "ECE",           "Risk\u2013coverage",
             "Knows nothing", "Perfect"};
  for (const ExitSummary& e : r.exits) {
    t.rows.push_back({{fmt::format("{}", e.layer), static_cast<double>(e.layer)},
                      {quality_text(r, e.quality), e.quality},
                      {interval_text(r, e.interval), e.interval.low},
                      {fixed_text(e.mean_entropy, 3), e.mean_entropy},
                      {fixed_text(e.ece, 3), e.ece},
                      {percent(e.risk.area), e.risk.area},
                      {percent(e.risk.random), e.risk.random},
                      {percent(e.risk.best), e.risk.best}});
  }
  append_table(t, out);
}

void append_exit_sections(const SweepReport& r, std::string* out) {
  *out += "<h2>Each exit by itself</h2>\n<div class=\"charts\">\n";
  const ChartSize size{360, 240, 11};
  append_figure(quality_by_layer_chart(r, size),
                fmt::format("{} if all rows left at that layer{}", capital(r.quality_name),
                            is_regression(r) ? "." : "; whiskers: 95%, exact binomial."),
                out);
  if (!is_regression(r))
    append_figure(entropy_by_layer_chart(r, size), "Mean entropy of the exits, nats.", out);
  *out += "</div>\n";
  if (is_regression(r)) return;
  append_exit_table(r, out);
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
      "<h2>Where an early exit and the last disagree</h2>\n<p>{} of {} have an early exit with "
      "another answer than the last{}",
      grouped(r.disagreeing_rows), counted(r.rows, "row", "rows"),
      !r.disagreements.empty() ? "; the surest of those early answers:</p>\n<ul class=\"cases\">\n"
      : r.windows.empty()      ? ".</p>\n"
                               : ". Texts in windows are not listed.</p>\n");
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

std::string quality_text(const SweepReport& r, double v) {
  if (!std::isfinite(v)) return "\u2013";
  return is_regression(r) ? fixed_text(v, 4) : percent(v);
}

std::string interval_text(const SweepReport& r, const Interval& i) {
  if (std::isnan(i.low) || is_regression(r)) return "";
  return percent(i.low, 1) + "\u2013" + percent(i.high, 1);
}

std::string capital(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] -= 'a' - 'A';
  return text;
}

void append_command(const std::string& command, std::string* out) {
  if (command.empty()) return;
  append_format(out, "<p>This writes it to the model:</p>\n<pre><code>{}</code></pre>\n",
                escape_html(command));
}

void append_model(const SweepReport& r, std::string* out) {
  const std::vector<size_t> picked = table_points(r);
  append_head(r, out);
  append_verdict(r, out);
  append_curves(r, out);
  append_settings_table(r, picked, out);
  append_time_table(r, out);
  append_histogram(r, picked, out);
  append_exit_sections(r, out);
  append_classes(r, out);
  append_disagreements(r, out);
}

void append_provenance(std::span<const SweepReport> models, std::string* out) {
  const Provenance& p = models.front().provenance;
  append_format(out,
                "<h2>Where the numbers come from</h2>\n<p>costeff {}, {}; {}; texts {} (a "
                "fingerprint of their content).</p>\n<ul>\n",
                escape_html(p.version), escape_html(p.date),
                html_text(p.cpu.empty() ? "an unknown CPU" : p.cpu), escape_html(p.fingerprint));
  for (const SweepReport& r : models) {
    append_format(out, "<li>{}: {}, kernels {}</li>\n", html_text(r.model),
                  escape_html(r.provenance.dtype), escape_html(r.provenance.kernels));
  }
  append_format(out, "</ul>\n<pre><code>{}</code></pre>\n", escape_html(p.command));
}

}  // namespace costeff::tasks
