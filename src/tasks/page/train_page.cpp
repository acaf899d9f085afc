#include "tasks/page/train_page.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "tasks/judge/gold.h"
#include "tasks/page/curves.h"
#include "tasks/page/exit_charts.h"
#include "tasks/page/page.h"
#include "tasks/page/speed_chart.h"
#include "tasks/page/sweep_page.h"
#include "tasks/write/format_text.h"

namespace costeff::tasks {
namespace {

constexpr ChartSize kRunChart{360, 330, 11};

std::string value_text(const TrainReport& r, double v) {
  return r.is_share ? fmt::format("{:.2f}%", 100 * v) : fixed_text(v, 4);
}

// Where a stage ends and the next one begins.
std::vector<double> stage_borders(const TrainPlan& plan) {
  std::vector<double> borders;
  for (size_t i = 1; i < plan.stages.size(); ++i)
    borders.push_back(static_cast<double>(step_of_run(plan, static_cast<int64_t>(i), 0)));
  return borders;
}

// The losses, averaged over so many stretches of steps that they can be told apart.
DrawnCurve loss_curve(const TrainReport& r) {
  constexpr size_t kStretches = 150;
  DrawnCurve c;
  c.name = "loss of the steps";
  const size_t length = std::max<size_t>(1, (r.losses.size() + kStretches - 1) / kStretches);
  for (size_t begin = 0; begin < r.losses.size(); begin += length) {
    const size_t end = std::min(begin + length, r.losses.size());
    double sum = 0;
    for (size_t i = begin; i < end; ++i) sum += r.losses[i].second;
    const double y = sum / static_cast<double>(end - begin);
    const auto x = static_cast<double>(r.losses[end - 1].first);
    if (!std::isfinite(y)) continue;
    c.points.push_back({x, y, x, x, fmt::format("step {}: loss {:.4f}", x, y), "", false});
  }
  return c;
}

std::string loss_chart(const TrainReport& r) {
  LineChart chart;
  chart.title = "loss by step";
  chart.x_label = "step";
  chart.y_text = [](double y) { return fmt::format("{:.3g}", y); };
  chart.curves.push_back(loss_curve(r));
  DrawnCurve between{.name = "mean between evaluations", .points = {}, .joined = true};
  for (const TrainEvaluation& e : r.result->evaluations) {
    if (!std::isfinite(e.train_loss)) continue;
    const auto x = static_cast<double>(step_of_run(r.plan, e.stage, e.step));
    between.points.push_back({x, e.train_loss, x, x,
                              fmt::format("to step {}: loss {:.4f}", x, e.train_loss), "", false});
  }
  if (chart.curves[0].points.empty()) chart.curves.clear();
  chart.curves.push_back(std::move(between));
  chart.borders = stage_borders(r.plan);
  return line_chart(chart, kRunChart);
}

std::string metric_chart(const TrainReport& r) {
  LineChart chart;
  chart.title = fmt::format("{} of every exit by step", r.metric);
  chart.x_label = "step";
  const bool share = r.is_share;
  chart.y_text = [share](double y) { return share ? fmt::format("{:.4g}%", y) : fixed_text(y, 3); };
  for (size_t exit = 0; exit < r.plan.exits.size(); ++exit) {
    DrawnCurve& c = chart.curves.emplace_back();
    c.name = fmt::format("layer {}", r.plan.exits[exit]);
    for (const TrainEvaluation& e : r.result->evaluations) {
      if (exit >= e.metric.size()) continue;
      const auto x = static_cast<double>(step_of_run(r.plan, e.stage, e.step));
      c.points.push_back(
          {x, (share ? 100 : 1) * e.metric[exit], x, x,
           fmt::format("{}, step {}: {} {}", c.name, x, r.metric, value_text(r, e.metric[exit])),
           "", false});
    }
  }
  chart.borders = stage_borders(r.plan);
  return line_chart(chart, kRunChart);
}

std::string names_text(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names)
    append_format(&out, "{}{}", out.empty() ? "" : ", ", html_text(name));
  return out;
}

void append_summary(const TrainReport& r, std::string* out) {
  const TrainPlan& p = r.plan;
  append_format(out, "<p>{} was trained by the recipe <b>{}</b> ({}{}{}) on {}: {} rows, {} tokens",
                html_text(r.backbone), escape_html(r.recipe->name), escape_html(r.recipe->use),
                r.recipe->paper.empty() ? "" : "; ", escape_html(r.recipe->paper),
                names_text(r.data), grouped(p.rows), grouped(p.tokens));
  if (p.dev_rows > 0) {
    append_format(out, "; judged by {} rows of {}", grouped(p.dev_rows),
                  r.dev.empty() ? escape_html(r.dev_from) : names_text(r.dev));
  }
  append_format(out, ".</p>\n<p>{}.</p>\n<p class=\"soft\">{} in {}.</p>\n",
                html_text(r.label_note), html_text(train_end_text(r)), duration_text(r.seconds));
}

void append_run(const TrainReport& r, std::string* out) {
  *out += "<h2>The run</h2>\n<div class=\"charts\">\n";
  append_figure(loss_chart(r), "What training minimises; averages over neighbouring steps.", out);
  if (r.plan.dev_rows > 0 && !r.result->evaluations.empty()) {
    append_figure(metric_chart(r),
                  fmt::format("{} on the rows that were kept apart, exit by exit.", r.metric), out);
  }
  *out += "</div>\n";
}

void append_evaluations(const TrainReport& r, std::string* out) {
  const TrainPlan& p = r.plan;
  if (p.dev_rows == 0 || r.result->evaluations.empty()) return;
  append_format(out, "<h2>Evaluations</h2>\n<p>Score: {}, {}; the marked model was written.</p>\n",
                escape_html(r.metric), escape_html(score_name(r)));
  Table t;
  t.heads = {"Stage", "Step", "Epoch", "Loss"};
  for (const int64_t layer : p.exits) t.heads.push_back(fmt::format("Layer {}", layer));
  t.heads.insert(t.heads.end(), {"Score", "Time"});
  for (size_t i = 0; i < r.result->evaluations.size(); ++i) {
    const TrainEvaluation& e = r.result->evaluations[i];
    const bool written = static_cast<int64_t>(i) == r.result->best;
    const auto stage = static_cast<size_t>(e.stage);
    auto& row = t.rows.emplace_back();
    row.emplace_back(escape_html(stage < p.stages.size() ? p.stages[stage].name : "-"));
    row.emplace_back(grouped(e.step), static_cast<double>(step_of_run(p, e.stage, e.step)));
    row.emplace_back(fixed_text(e.epoch, 2), e.epoch);
    row.emplace_back(std::isfinite(e.train_loss) ? fixed_text(e.train_loss, 4) : "\u2013",
                     e.train_loss);
    for (const double v : e.metric) row.emplace_back(value_text(r, v), v);
    row.emplace_back(value_text(r, e.score) + (written ? " \u2190" : ""), e.score);
    row.emplace_back(duration_text(e.seconds), e.seconds);
  }
  append_table(t, out);
}

void append_result(const TrainReport& r, std::string* out) {
  if (!r.curve) return;
  append_format(out,
                "<h2>What the model does</h2>\n<p>{} against speed when rows leave early, on the "
                "{} rows it was judged by; since it was also chosen by them, this is a little "
                "flattering. <code>costeff sweep</code> shows more.</p>\n<div class=\"charts\">\n",
                escape_html(r.curve->quality_name), grouped(r.curve->rows));
  append_figure(speed_chart(*r.curve, SpeedAxis::macs, "", kRunChart),
                "Multiply-accumulates a row, with the off-ramps that are asked.", out);
  append_figure(quality_by_layer_chart(*r.curve, kRunChart),
                fmt::format("{} if all rows left at that layer.", r.curve->quality_name), out);
  *out += "</div>\n";
}

void append_settings(const TrainReport& r, std::string* out) {
  *out += "<h2>Stages</h2>\n";
  Table t;
  t.heads = {"Stage", "Epochs", "Steps", "Learning rate", "Of the exits", "Parameters"};
  for (const TrainStage& s : r.plan.stages) {
    const double head_rate = s.head_learning_rate == 0 ? s.learning_rate : s.head_learning_rate;
    t.rows.push_back({{escape_html(s.name) + ": " + escape_html(s.what)},
                      {shortest(s.epochs), s.epochs},
                      {grouped(s.steps), static_cast<double>(s.steps)},
                      {shortest(s.learning_rate), s.learning_rate},
                      {shortest(head_rate), head_rate},
                      {grouped(s.parameters), static_cast<double>(s.parameters)}});
  }
  append_table(t, out);
  for (const std::string& note : r.plan.notes)
    append_format(out, "<p class=\"soft\">{}</p>\n", html_text(note));
}

}  // namespace

std::string train_html(const TrainReport& r) {
  std::string out = page_begin(fmt::format("Training {}", r.out));
  append_summary(r, &out);
  append_run(r, &out);
  append_result(r, &out);
  append_evaluations(r, &out);
  append_settings(r, &out);
  return out + page_end();
}

}  // namespace costeff::tasks
