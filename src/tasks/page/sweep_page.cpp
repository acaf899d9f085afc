#include "tasks/page/sweep_page.h"

#include <algorithm>

#include "base/format.h"
#include "tasks/page/exit_charts.h"
#include "tasks/page/page.h"
#include "tasks/page/svg.h"
#include "tasks/page/sweep_sections.h"
#include "tasks/report/verdict_text.h"
#include "tasks/sweep/points.h"
#include "tasks/sweep/study.h"
#include "tasks/write/format_text.h"

namespace costeff::tasks {
namespace {

constexpr ChartSize kStudyChart{520, 400, 12};

std::string name_of(const SweepReport& r) { return escape_html(short_model_name(r)); }

void append_study_verdict(std::span<const SweepReport> models, std::string* out) {
  const StudyVerdict v = study_verdict(models);
  const SweepReport &reference = models[v.reference], &best = models[v.model];
  const SweepPoint &full = reference.points.front(), &point = best.points[v.point];
  *out += "<section class=\"verdict\"><p>";
  if (v.model == v.reference && v.point == 0) {
    append_format(out, "Keep <b>{}</b> at full depth: nothing here is as good and cheaper.",
                  name_of(best));
  } else {
    std::string than =
        fmt::format("{:.2f}x fewer multiply-accumulates than {} at full depth, the best here",
                    full.macs / point.macs, name_of(reference));
    const SweepReport& dearest = *std::max_element(
        models.begin(), models.end(),
        [](const SweepReport& a, const SweepReport& b) { return a.full_macs < b.full_macs; });
    if (&dearest != &reference) {
      append_format(&than, ", and {:.2f}x fewer than {}, the dearest",
                    dearest.full_macs / point.macs, name_of(dearest));
    }
    append_format(out,
                  "Take <b>{}</b> with {}: {}; {} {} against {} of the best. It costs least of the "
                  "settings in the 95% interval of that one that lose at most {}.",
                  name_of(best), escape_html(point.text), than, escape_html(best.quality_name),
                  quality_text(best, point.quality), quality_text(reference, full.quality),
                  is_regression(best) ? "0.01" : "one point");
  }
  *out += "</p>\n";
  append_command(command_of(best, v.point), out);
  *out += "</section>\n";
}

void append_study(std::span<const SweepReport> models, std::string* out) {
  const SweepReport& first = models.front();
  append_format(out, "<p>{} models on {}: {} rows.</p>\n", models.size(), html_text(first.data),
                grouped(first.rows));
  append_study_verdict(models, out);
  append_format(out,
                "<h2>One front over all models</h2>\n<p>To the left is faster, up is better. Each "
                "curve has the settings of one model that none of its others beats, and its full "
                "depth.</p>\n"
                "<div class=\"charts\">\n");
  append_figure(models_chart(models, "", kStudyChart),
                "Multiply-accumulates a row, with the off-ramps that are asked.", out);
  const SweepReport& reference = models[study_verdict(models).reference];
  const double from =
      std::min(reference.points.front().quality - 0.03, full_depth_interval(reference).low);
  append_figure(models_chart(models, "", kStudyChart, from),
                fmt::format("A closer look: settings from {} {} on.", first.quality_name,
                            quality_text(first, from)),
                out);
  *out += "</div>\n";
  Table t;
  t.heads = {"Model and setting",  escape_html(capital(first.quality_name)),
             "95% interval",       "Mean layer",
             "Million MACs a row", "Parameters"};
  const bool timed = !first.points.front().timings.empty();
  if (timed) t.heads.push_back("Rows/s");
  for (const StudyPoint& at : shown_front(models, 24)) {
    const SweepReport& r = models[at.model];
    const SweepPoint& p = r.points[at.point];
    t.rows.push_back({{fmt::format("{}: {}", name_of(r), escape_html(p.text))},
                      {quality_text(r, p.quality), p.quality},
                      {interval_text(r, p.interval), p.interval.low},
                      {fmt::format("{:.2f} of {}", p.mean_layer, r.layers), p.mean_layer},
                      {fmt::format("{:.1f}", p.macs / 1e6), p.macs},
                      {grouped(r.parameters), static_cast<double>(r.parameters)}});
    if (!timed) continue;
    const double rows_per_s = p.timings.empty() ? kNaN : p.timings.front().rows_per_s;
    t.rows.back().emplace_back(p.timings.empty() ? "" : fmt::format("{:.0f}", rows_per_s),
                               rows_per_s);
  }
  append_table(t, out);
}

}  // namespace

std::string sweep_svg(std::span<const SweepReport> models, SpeedAxis axis,
                      const std::string& title) {
  const ChartSize size{720, 420, 13};
  std::string svg = models.size() > 1 ? models_chart(models, title, size)
                                      : speed_chart(models.front(), axis, title, size);
  // The file stands alone: it needs its style, and paper to draw on.
  const size_t begin = svg.find('>') + 1;
  svg.insert(begin,
             fmt::format("<style>{}</style><rect width=\"720\" height=\"420\" class=\"paper\"/>",
                         report_style("svg")));
  return svg + "\n";
}

std::string sweep_html(std::span<const SweepReport> models, const std::string& title) {
  std::string out = page_begin(title);
  if (models.size() == 1) {
    append_model(models.front(), &out);
  } else {
    append_study(models, &out);
    for (const SweepReport& r : models) {
      append_format(&out, "<details><summary>{} by itself</summary>\n", name_of(r));
      append_model(r, &out);
      out += "</details>\n";
    }
  }
  append_provenance(models.front(), &out);
  return out + page_end();
}

}  // namespace costeff::tasks
