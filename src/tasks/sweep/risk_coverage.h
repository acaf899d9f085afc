#pragma once

#include <vector>

#include "tasks/sweep/report.h"

namespace costeff::tasks {

struct JudgedAnswer {
  float doubt = 0;  // the larger, the less sure
  bool right = false;
};

// Answers of the same doubt share their errors evenly. No answers: all 0.
RiskCoverage risk_coverage(std::vector<JudgedAnswer> answers);

}  // namespace costeff::tasks
