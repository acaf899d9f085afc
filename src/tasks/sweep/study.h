#pragma once

// Several models swept on the same data.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "tasks/sweep/report.h"

namespace costeff::tasks {

// A point of a model.
struct StudyPoint {
  size_t model = 0, point = 0;
};

// The front over all: no setting of any model is as good with fewer MACs. By rising cost. Settings that were fitted
// to these rows do not count.
std::vector<StudyPoint> study_front(std::span<const SweepReport> models);
// About `count` of them for a table, the one to take among them.
std::vector<StudyPoint> shown_front(std::span<const SweepReport> models, size_t count);

// The setting to take of all. reference: the model that is best at full depth, of equals the cheaper one. Among the
// settings in the interval of its quality that lose at most Verdict::kAllowed, the one with the fewest MACs; if
// nothing else will do, the reference at full depth.
struct StudyVerdict {
  size_t reference = 0, model = 0, point = 0;
};
StudyVerdict study_verdict(std::span<const SweepReport> models);

// What each model is called: the last part of its path; where two share that, the whole path.
std::vector<std::string> study_names(std::span<const SweepReport> models);

}  // namespace costeff::tasks
