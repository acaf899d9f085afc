#include "tasks/report/verdict_text.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "tasks/sweep/points.h"
#include "tasks/write/format_text.h"

namespace costeff::tasks {
namespace {

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
    return fmt::format("{} of the rows get another answer (95%: {} to {})", percent(-p.change, 1),
                       percent(std::max(0.0, -i.high), 1), percent(-i.low, 1));
  }
  return fmt::format("{:+.2f} points of {} (95%: {:+.2f} to {:+.2f})", 100 * p.change,
                     r.quality_name, 100 * i.low, 100 * i.high);
}

std::string saving_text(const SweepReport& r, const SweepPoint& p) {
  std::string out =
      fmt::format("{:.2f} of {} layers on average, {:.2f}x fewer multiply-accumulates",
                  p.mean_layer, r.layers, p.speedup_macs);
  if (!p.timings.empty())
    append_format(&out, ", {:.2f}x as fast as measured", p.timings.front().speedup);
  return out;
}

std::string verdict_text(const SweepReport& r) {
  if (r.verdict.point == 0) {
    return fmt::format("Keep full depth: there are no settings here that leave early and {}.",
                       rule_text(r));
  }
  const SweepPoint& p = r.points[static_cast<size_t>(r.verdict.point)];
  return fmt::format("Take {}: {}; {}. It saves most of the settings that {}.", p.text,
                     saving_text(r, p), change_text(r, p), rule_text(r));
}

std::string own_policy_text(const SweepReport& r) {
  if (!r.own) return "The model has no exit_policy.json: without flags all layers are computed.";
  const SweepPoint* p = own_point(r);
  const std::string text = policy_words(*r.own).text;
  if (!p) return fmt::format("The model's own policy (exit_policy.json) is {}.", text);
  if (p == &r.points.front())
    return "The model's own policy (exit_policy.json) is never to leave early.";
  const bool same = p == &r.points[static_cast<size_t>(r.verdict.point)];
  return fmt::format("The model's own policy (exit_policy.json), {}{}: {}; {}.", text,
                     same ? ", is this one" : "", saving_text(r, *p), change_text(r, *p));
}

}  // namespace costeff::tasks
