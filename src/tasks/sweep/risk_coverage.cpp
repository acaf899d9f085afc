#include "tasks/sweep/risk_coverage.h"

#include <algorithm>
#include <cstdint>

namespace costeff::tasks {

RiskCoverage risk_coverage(std::vector<JudgedAnswer> answers) {
  RiskCoverage out;
  if (answers.empty()) return out;
  std::sort(answers.begin(), answers.end(),
            [](const JudgedAnswer& a, const JudgedAnswer& b) { return a.doubt < b.doubt; });
  double wrong = 0;  // among the surest
  for (size_t begin = 0; begin < answers.size();) {
    size_t end = begin;
    int64_t errors = 0;
    for (; end < answers.size() && answers[end].doubt == answers[begin].doubt; ++end)
      errors += !answers[end].right;
    const double share = static_cast<double>(errors) / static_cast<double>(end - begin);
    for (size_t i = begin; i < end; ++i) {
      wrong += share;
      out.area += wrong / static_cast<double>(i + 1);
    }
    begin = end;
  }
  const auto n = static_cast<double>(answers.size());
  out.area /= n;
  out.random = wrong / n;
  const auto errors =
      std::count_if(answers.begin(), answers.end(), [](const JudgedAnswer& a) { return !a.right; });
  for (int64_t k = 1; k <= errors; ++k)
    out.best += static_cast<double>(k) / (n - static_cast<double>(errors - k));
  out.best /= n;
  return out;
}

}  // namespace costeff::tasks
