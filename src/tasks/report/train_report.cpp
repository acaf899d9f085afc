#include "tasks/report/train_report.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "base/utf8.h"
#include "tasks/judge/gold.h"
#include "tasks/write/format_text.h"
#include "tasks/write/progress.h"

namespace costeff::tasks {
namespace {

std::string layers_text(const std::vector<int64_t>& layers) {
  std::string text;
  for (const int64_t layer : layers) append_format(&text, "{}{}", text.empty() ? "" : ", ", layer);
  return text;
}

std::string files_text(const std::vector<std::string>& files) {
  std::string text;
  for (const std::string& file : files)
    append_format(&text, "{}{}", text.empty() ? "" : ", ", printable(file, 200));
  return text;
}

// The exits that the table shows: first, middle and last; fewer if there are not so many.
std::vector<size_t> shown_exits(size_t exits) {
  std::vector<size_t> shown;
  for (const size_t at : {size_t{0}, exits / 2, exits - 1}) {
    if (at < exits && (shown.empty() || at > shown.back())) shown.push_back(at);
  }
  return shown;
}

const std::string& stage_name(const TrainPlan& plan, int64_t stage) {
  static const std::string kUnknown = "-";
  const auto at = static_cast<size_t>(stage);
  return at < plan.stages.size() ? plan.stages[at].name : kUnknown;
}

void append_fact(std::string_view name, const std::string& text, std::string* out) {
  append_format(out, "{:<11} {}\n", name, text);
}

}  // namespace

int64_t step_of_run(const TrainPlan& plan, int64_t stage, int64_t step) {
  for (size_t i = 0; i < plan.stages.size() && static_cast<int64_t>(i) < stage; ++i)
    step += plan.stages[i].steps;
  return step;
}

std::string score_name(const TrainReport& r) {
  if (r.plan.best_by == BestBy::mean && r.plan.exits.size() > 1) return "mean over the exits";
  return r.plan.exits.empty() ? "last exit" : fmt::format("layer {}", r.plan.exits.back());
}

std::string duration_text(double seconds) {
  if (seconds < 99.5) return fmt::format("{:.0f} s", seconds);
  if (seconds < 99.5 * 60) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

std::string bytes_text(int64_t bytes) {
  auto size = static_cast<double>(bytes);
  if (size < 999.5) return fmt::format("{} B", bytes);
  const char* const units[] = {"KB", "MB", "GB", "TB"};
  size_t unit = 0;
  for (size /= 1000; size >= 999.5 && unit + 1 < std::size(units); ++unit) size /= 1000;
  return fmt::format("{:.{}f} {}", size, size < 9.95 ? 1 : 0, units[unit]);
}

std::string stages_text(const TrainPlan& p) {
  std::string out;
  append_format(&out, "\n{:<14} {:>7} {:>10} {:>10} {:>10} {:>13}\n", "stage", "epochs", "steps",
                "lr", "head lr", "parameters");
  for (const TrainStage& s : p.stages) {
    append_format(&out, "{:<14} {:>7} {:>10} {:>10} {:>10} {:>13}\n", s.name,
                  fmt::format("{:.3g}", s.epochs), grouped(s.steps),
                  s.learning_rate == 0 ? "-" : fmt::format("{:.3g}", s.learning_rate),
                  s.head_learning_rate == 0 ? "-" : fmt::format("{:.3g}", s.head_learning_rate),
                  s.parameters == 0 ? "-" : grouped(s.parameters));
    if (!s.what.empty()) append_format(&out, "  {}\n", s.what);
  }
  return out;
}

std::string memory_text(const TrainMemory& m) {
  std::string out = "\nmemory\n";
  const std::pair<const char*, int64_t> parts[] = {{"weights", m.weights},
                                                   {"gradients and moments", m.gradients},
                                                   {"activations", m.activations},
                                                   {"evaluation", m.evaluation},
                                                   {"rows", m.rows},
                                                   {"at the peak", m.total}};
  for (const auto& [name, bytes] : parts)
    append_format(&out, "  {:<22} {:>9}\n", name, bytes_text(bytes));
  return out;
}

std::string train_plan_text(const TrainReport& r) {
  const TrainPlan& p = r.plan;
  std::string out;
  append_fact("backbone", printable(r.backbone, 200), &out);
  append_fact("recipe", fmt::format("{}: {}", r.recipe->name, r.recipe->use), &out);
  append_fact("data", files_text(r.data), &out);
  append_fact("rows",
              fmt::format("{} to train on, {} tokens, the longest {}", grouped(p.rows),
                          grouped(p.tokens), grouped(p.longest)),
              &out);
  append_fact("",
              fmt::format("{} to judge by{}{}", grouped(p.dev_rows), p.dev_rows > 0 ? ": " : "",
                          p.dev_rows == 0 ? ""
                          : r.dev.empty() ? r.dev_from
                                          : files_text(r.dev)),
              &out);
  append_fact("labels", r.labels.empty() ? "scores (regression)" : listed_labels(r.labels), &out);
  append_fact("exits",
              fmt::format("layer {} ({} {} in all)", layers_text(p.exits), grouped(p.parameters),
                          "parameters"),
              &out);
  append_fact("dialect", p.dialect, &out);
  append_fact("batch",
              fmt::format("{} rows; evaluated every {} steps: {}, best by {}", p.batch,
                          grouped(p.eval_every), r.metric,
                          p.best_by == BestBy::mean ? "mean" : "last exit"),
              &out);
  out += stages_text(p) + memory_text(p.memory);
  if (r.estimated_s >= 0)
    append_format(&out, "\ntime {} (from a few steps)\n", duration_text(r.estimated_s));
  return out;
}

std::string evaluation_header(const TrainReport& r) {
  std::string out = fmt::format("{:<12} {:>7} {:>6} {:>8}", "stage", "step", "epoch", "loss");
  for (const size_t at : shown_exits(r.plan.exits.size()))
    append_format(&out, " {:>9}", fmt::format("layer {}", r.plan.exits[at]));
  append_format(&out, " {:>8}\n", "score");
  return out;
}

std::string evaluation_line(const TrainReport& r, const TrainEvaluation& e) {
  const std::string loss = std::isfinite(e.train_loss) ? fmt::format("{:.4f}", e.train_loss) : "-";
  std::string out = fmt::format("{:<12.12} {:>7} {:>6.2f} {:>8}", stage_name(r.plan, e.stage),
                                e.step, e.epoch, loss);
  const bool judged = !e.metric.empty();
  for (const size_t at : shown_exits(r.plan.exits.size()))
    append_format(&out, " {:>9}", judged ? fmt::format("{:.4f}", e.metric[at]) : "-");
  append_format(&out, " {:>8}{}\n", judged ? fmt::format("{:.4f}", e.score) : "-",
                e.best ? " *" : "");
  return out;
}

std::string train_progress(const TrainPlan& plan, const TrainStep& s, double rows_per_s) {
  const std::string name = plan.stages.size() > 1 ? stage_name(plan, s.stage) : "step";
  std::string out = fmt::format("{} {}/{}  loss {:.4f}  lr {:.2g}", name, grouped(s.step),
                                grouped(s.steps), s.loss, s.learning_rate);
  append_format(&out, "  {:.{}f} rows/s", rows_per_s, rows_per_s < 10 ? 1 : 0);
  append_format(&out, "  {} left", clock_text(s.seconds_left));
  return out;
}

std::string train_end_text(const TrainReport& r) {
  const TrainResult& done = *r.result;
  std::string out = fmt::format("wrote {} ({})", printable(r.out, 200), done.dialect);
  if (done.best >= 0 && done.best < static_cast<int64_t>(done.evaluations.size())) {
    const TrainEvaluation& best = done.evaluations[static_cast<size_t>(done.best)];
    append_format(&out, ": step {}", grouped(best.step));
    if (r.plan.stages.size() > 1) append_format(&out, " of {}", stage_name(r.plan, best.stage));
    if (!best.metric.empty()) {
      append_format(&out, ", {} {:.4f} at the last layer", r.metric, best.metric.back());
      if (best.metric.size() > 1 && r.plan.best_by == BestBy::mean)
        append_format(&out, ", {:.4f} on average over the exits", best.score);
    }
  }
  const char* why = done.end == TrainEnd::early_stop   ? "; ended early: no better evaluation came"
                    : done.end == TrainEnd::time_limit ? "; ended by --time-limit"
                                                       : "";
  return out + why;
}

}  // namespace costeff::tasks
