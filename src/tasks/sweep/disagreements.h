#pragma once

#include <costeff/result.h>

#include <cstdint>
#include <span>
#include <vector>

#include "tasks/sweep/report.h"

namespace costeff::tasks {

// Keeps the surest early answers that the last exit does not agree with, for at most `limit` rows
// an exit, while the rows go by. Texts are cut.
class DisagreementKeeper {
 public:
  explicit DisagreementKeeper(int64_t limit) : limit_(limit) {}
  // table: what every exit answers to the rows given so far, these too.
  void add(std::span<const Example> rows, const ExitTable& table);
  // Removes and returns at most `limit` rows, surest first, each with its surest exit.
  std::vector<Disagreement> take();
  int64_t rows() const { return disagreeing_; }  // all that disagree

 private:
  int64_t limit_, seen_ = 0, disagreeing_ = 0;
  std::vector<std::vector<Disagreement>> by_exit_;  // heaps, the least sure on top
};

}  // namespace costeff::tasks
