#include "tasks/report/verdict_text.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "tasks/sweep/points.h"
#include "tasks/sweep/study.h"
#include "tasks/write/format_text.h"

namespace costeff::tasks {
namespace {

constexpr double kWide = 0.05;  // an interval that reaches so far down tells little

// The point that the model's own policy is; null: it was not among those judged.
const SweepPoint* own_point(const SweepReport& r) {
  for (const SweepPoint& p : r.points) {
    if (is_own(r, p)) return &p;
  }
  return nullptr;
}

// What the settings that may be recommended do.
std::string rule_text(const SweepReport& r) {
  if (!r.labelled) return "leave at least 99% of the answers as they are at full depth";
  return fmt::format("are within the noise of full depth and lose at most {}",
                     is_regression(r) ? "0.01" : "one point");
}

}  // namespace

std::string change_text(const SweepReport& r, const SweepPoint& p) {
  if (is_regression(r)) return fmt::format("{} {:+.4f}", r.quality_name, p.change);
  const Interval& i = p.change_interval;
  if (!r.labelled) {
    return fmt::format("{} of the rows get another answer (95%: {} to {})",
                       percent(std::max(0.0, -p.change), 1), percent(std::max(0.0, -i.high), 1),
                       percent(-i.low, 1));
  }
  return fmt::format("{:+.2f} points of {} (95%: {:+.2f} to {:+.2f})", 100 * p.change,
                     r.quality_name, 100 * i.low, 100 * i.high);
}

std::string saving_text(const SweepReport& r, const SweepPoint& p) {
  std::string out =
      fmt::format("{:.2f} of {} layers on average, {:.2f}x fewer multiply-accumulates",
                  p.mean_layer, r.layers, p.speedup_macs);
  if (!p.timings.empty())
    append_format(&out, ", measured {:.2f}x as fast", p.timings.front().speedup);
  return out;
}

std::string verdict_text(const SweepReport& r) {
  if (!std::isfinite(r.points.front().quality))
    return fmt::format("No setting can be judged: these rows have no {}.", r.quality_name);
  if (r.verdict.point == 0) {
    return fmt::format("Keep full depth: there are no settings here that leave early and {}.",
                       rule_text(r));
  }
  const SweepPoint& p = r.points[static_cast<size_t>(r.verdict.point)];
  std::string out = fmt::format("Take {}: {}; {}. Of the settings that {}, it saves the most.",
                                p.text, saving_text(r, p), change_text(r, p), rule_text(r));
  if (p.change_interval.low < -kWide)
    out += " These rows are few: on others the change may be much larger.";
  return out;
}

std::string own_policy_text(const SweepReport& r) {
  if (!r.own) return "The model has no exit_policy.json: without flags all layers are computed.";
  const SweepPoint* p = own_point(r);
  if (!p) {
    return fmt::format("The model's own policy (exit_policy.json) is {}.",
                       policy_words(*r.own).text);
  }
  if (p == &r.points.front())
    return "The model's own policy (exit_policy.json) is never to leave early.";
  if (p->text == r.points[static_cast<size_t>(r.verdict.point)].text)
    return "That is the model's own policy (exit_policy.json) already.";
  return fmt::format("The model's own policy (exit_policy.json), {}: {}; {}.", p->text,
                     saving_text(r, *p), change_text(r, *p));
}

std::string command_to_show(const SweepReport& r) {
  const auto point = static_cast<size_t>(r.verdict.point);
  return point > 0 && is_own(r, r.points[point]) ? "" : command_of(r, point);
}

std::string study_text(std::span<const SweepReport> models) {
  const StudyVerdict v = study_verdict(models);
  const SweepReport &reference = models[v.reference], &best = models[v.model];
  const SweepPoint &full = reference.points.front(), &point = best.points[v.point];
  const std::vector<std::string> names = study_names(models);
  if (v.model == v.reference && v.point == 0) {
    return fmt::format("Keep {} at full depth: nothing here is as good and cheaper.",
                       names[v.model]);
  }
  std::string than =
      fmt::format("{:.2f}x fewer multiply-accumulates than {} at full depth, the best here",
                  full.macs / point.macs, names[v.reference]);
  const auto dearest = static_cast<size_t>(
      std::max_element(models.begin(), models.end(),
                       [](const auto& a, const auto& b) { return a.full_macs < b.full_macs; }) -
      models.begin());
  if (dearest != v.reference) {
    append_format(&than, ", and {:.2f}x fewer than {}, the dearest",
                  models[dearest].full_macs / point.macs, names[dearest]);
  }
  const auto quality = [&](double q) {
    return is_regression(best) ? fmt::format("{:.4f}", q) : percent(q);
  };
  return fmt::format(
      "Take {} with {}: {}; {} {} against {} of the best. Of the settings that lie in the 95% "
      "interval of the best and lose at most {}, it costs the least.",
      names[v.model], point.text, than, best.quality_name, quality(point.quality),
      quality(full.quality), is_regression(best) ? "0.01" : "one point");
}

}  // namespace costeff::tasks
