#include "train/late_rows.h"

#include <algorithm>

namespace costeff::train {
namespace {

// Then all rows catch up.
constexpr size_t kMostSteps = 256;

}  // namespace

LateRows::LateRows(const kernels::GradTable& grad, grad::TrainedParameter* p, float* first,
                   float* second)
    : grad_(grad),
      p_(*p),
      first_(first),
      second_(second),
      zeros_(static_cast<size_t>(p->row)),
      taken_(p->touched.size()) {
  waiting_.reserve(kMostSteps);
}

void LateRows::step(const kernels::AdamStep& step, const Crew& crew) {
  const bool full = waiting_.size() == kMostSteps;
  crew.meet();
  if (full) catch_up(crew);
  if (crew.leads()) waiting_.push_back(step);
  crew.meet();
  const auto now = static_cast<int32_t>(waiting_.size());
  const Range mine = crew.part(static_cast<int64_t>(p_.touched.size()));
  for (int64_t r = mine.begin; r < mine.end; ++r) {
    if (!p_.touched[static_cast<size_t>(r)]) continue;
    const int64_t at = r * p_.row;
    grad_.adam(step, p_.gradient.data() + at, p_.row, p_.value.data() + at, first_ + at,
               second_ + at);
    taken_[static_cast<size_t>(r)] = now;
  }
  crew.meet();
}

void LateRows::catch_up(std::span<const int32_t> rows, const Crew& crew) {
  if (waiting_.empty()) return;
  for (const int32_t row : rows)
    if (row % crew.size == crew.rank) catch_up_row(row);
  crew.meet();
}

void LateRows::catch_up(const Crew& crew) {
  if (waiting_.empty()) return;
  const Range mine = crew.part(static_cast<int64_t>(taken_.size()));
  for (int64_t r = mine.begin; r < mine.end; ++r) {
    catch_up_row(r);
    taken_[static_cast<size_t>(r)] = 0;
  }
  crew.meet();
  if (crew.leads()) waiting_.clear();
  crew.meet();
}

void LateRows::catch_up_row(int64_t row) {
  int32_t& taken = taken_[static_cast<size_t>(row)];
  const auto all = static_cast<int32_t>(waiting_.size());
  if (taken == all) return;
  const int64_t at = row * p_.row, n = p_.row;
  float* value = p_.value.data() + at;
  // A row that never had a gradient only decays. The kernel would give the same bits.
  const bool still = grad_.squares(first_ + at, n) == 0 && grad_.squares(second_ + at, n) == 0;
  for (; taken < all; ++taken) {
    const kernels::AdamStep& step = waiting_[static_cast<size_t>(taken)];
    if (still) {
      const float shrink = step.before * step.after;  // one of them is 1
      if (shrink != 1) grad_.scale(value, shrink, n, value);
    } else {
      grad_.adam(step, zeros_.data(), n, value, first_ + at, second_ + at);
    }
  }
}

}  // namespace costeff::train
