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

void append_study_verdict(std::span<const SweepReport> models, std::string* out) {
  const StudyVerdict v = study_verdict(models);
  append_format(out, "<section class=\"verdict\"><p>{}</p>\n", escape_html(study_text(models)));
  append_command(command_of(models[v.model], v.point), out);
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
  const std::vector<std::string> names = study_names(models);
  const StudyVerdict v = study_verdict(models);
  for (const StudyPoint& at : shown_front(models, 24)) {
    const SweepReport& r = models[at.model];
    const SweepPoint& p = r.points[at.point];
    const bool taken = at.model == v.model && at.point == v.point;
    t.rows.push_back({{fmt::format("{}: {}{}", escape_html(names[at.model]), escape_html(p.text),
                                   taken ? " <span class=\"tag\">recommended</span>" : "")},
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
    const std::vector<std::string> names = study_names(models);
    for (size_t m = 0; m < models.size(); ++m) {
      append_format(&out, "<details><summary>{} by itself</summary>\n", escape_html(names[m]));
      append_model(models[m], &out);
      out += "</details>\n";
    }
  }
  append_provenance(models, &out);
  return out + page_end();
}

}  // namespace costeff::tasks
