#pragma once

#include <string>

#include "tasks/sweep/report.h"

namespace costeff::tasks {

// Of a classifier: the scores of each label at full depth and at the recommended setting, and which labels are
// taken for which.
void append_classes(const SweepReport& report, std::string* out);

}  // namespace costeff::tasks
