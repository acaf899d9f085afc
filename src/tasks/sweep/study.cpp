#include "tasks/sweep/study.h"

#include <algorithm>
#include <limits>

#include "tasks/sweep/points.h"

namespace costeff::tasks {

std::vector<StudyPoint> study_front(std::span<const SweepReport> models) {
  std::vector<StudyPoint> all, front;
  for (size_t m = 0; m < models.size(); ++m) {
    for (size_t i = 0; i < models[m].points.size(); ++i) {
      if (!models[m].points[i].fitted) all.push_back({m, i});
    }
  }
  const auto at = [&](const StudyPoint& p) -> const SweepPoint& {
    return models[p.model].points[p.point];
  };
  std::stable_sort(all.begin(), all.end(), [&](const StudyPoint& a, const StudyPoint& b) {
    if (at(a).macs != at(b).macs) return at(a).macs < at(b).macs;
    return at(a).quality > at(b).quality;
  });
  double best = -std::numeric_limits<double>::infinity();
  for (const StudyPoint& p : all) {
    if (!(at(p).quality > best)) continue;
    best = at(p).quality;
    front.push_back(p);
  }
  return front;
}

std::vector<StudyPoint> shown_front(std::span<const SweepReport> models, size_t count) {
  const std::vector<StudyPoint> front = study_front(models);
  const StudyVerdict v = study_verdict(models);
  std::vector<StudyPoint> out;
  for (size_t i = 0; i < front.size(); ++i) {
    const bool evenly = front.size() <= count || i == 0 || i + 1 == front.size() ||
                        i * count / front.size() != (i - 1) * count / front.size();
    const bool taken = front[i].model == v.model && front[i].point == v.point;
    if (evenly || taken) out.push_back(front[i]);
  }
  return out;
}

StudyVerdict study_verdict(std::span<const SweepReport> models) {
  StudyVerdict v;
  const auto full = [&](size_t m) -> const SweepPoint& { return models[m].points.front(); };
  for (size_t m = 1; m < models.size(); ++m) {
    const double now = full(m).quality, best = full(v.reference).quality;
    if (now > best || (now == best && full(m).macs < full(v.reference).macs)) v.reference = m;
  }
  v.model = v.reference;
  const double target = full(v.reference).quality;
  const Interval noise = full_depth_interval(models[v.reference]);
  for (size_t m = 0; m < models.size(); ++m) {
    for (size_t i = 0; i < models[m].points.size(); ++i) {
      const SweepPoint& p = models[m].points[i];
      if (p.fitted || p.quality < target - Verdict::kAllowed) continue;
      if (models[m].labelled && p.quality < noise.low) continue;
      if (p.macs < models[v.model].points[v.point].macs) {
        v.model = m;
        v.point = i;
      }
    }
  }
  return v;
}

std::vector<std::string> study_names(std::span<const SweepReport> models) {
  std::vector<std::string> names;
  for (const SweepReport& r : models) {
    std::string path = r.model;
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    const size_t slash = path.rfind('/');
    names.push_back(
        slash == std::string::npos || slash + 1 == path.size() ? path : path.substr(slash + 1));
  }
  const std::vector<std::string> last = names;
  for (size_t i = 0; i < names.size(); ++i) {
    if (std::count(last.begin(), last.end(), last[i]) > 1) names[i] = models[i].model;
  }
  return names;
}

}  // namespace costeff::tasks
