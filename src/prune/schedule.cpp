#include "prune/schedule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace costeff::prune {
namespace {

constexpr double kRestore = 0.12;  // of the learning rate, at each pruning
constexpr int64_t kFewestWarmup = 10;

// run.sh. of_heads: by the heads that are kept of 12, from 2.
struct TaskEpochs {
  std::string_view task;
  int64_t rows;
  double fine_tuning, states_share;
  struct Size {
    double period, states, answers;
  } of_heads[7];
};

// clang-format off
constexpr std::array<TaskEpochs, 6> kTasks{{
    {"mrpc", 3668, 12, .5, {{2, 20, 10}, {2, 18, 8}, {2, 16, 7}, {2, 14, 6}, {2, 12, 5}, {2, 10, 4}, {2, 8, 3}}},
    {"sst-2", 67349, 5, .7, {{.5, 10, 6}, {.55, 10, 5}, {.5, 9, 4}, {.55, 9, 4}, {.5, 8, 3}, {.4, 7, 3}, {.5, 6, 3}}},
    {"qnli", 104743, 5, .7, {{.5, 8, 5}, {.55, 8, 4}, {.5, 7, 4}, {.55, 7, 3}, {.5, 6, 3}, {.4, 6, 2}, {.5, 5, 2}}},
    {"mnli", 392702, 3, .7, {{.3, 5, 3}, {.33, 5, 2}, {.37, 4, 2}, {.28, 4, 2}, {.33, 3, 2}, {.2, 3, 1}, {.25, 2, 1}}},
    {"cola", 8551, 8, .5, {{2, 20, 10}, {2, 18, 8}, {2, 16, 7}, {2, 14, 6}, {2, 10, 5}, {2, 10, 4}, {2, 8, 3}}},
    {"qqp", 363846, 3, .7, {{.3, 5, 3}, {.33, 5, 2}, {.37, 4, 2}, {.28, 4, 2}, {.33, 3, 2}, {.2, 3, 1}, {.25, 2, 1}}},
}};
// clang-format on

constexpr int64_t kFewestHeads = 2, kMostHeads = 8;

}  // namespace

Widths widths_after(const Widths& from, const Widths& to, int64_t hidden, int64_t k,
                    int64_t prunings) {
  const auto lose = [&](int64_t all, int64_t left) {
    return static_cast<int64_t>(static_cast<double>(all) - static_cast<double>((all - left) * k) /
                                                               static_cast<double>(prunings));
  };
  Widths w;
  w.heads = std::max(to.heads, from.heads - k);
  w.neurons = lose(from.neurons, to.neurons);
  if (to.rank > 0) w.rank = lose(from.rank > 0 ? from.rank : hidden, to.rank);
  return w;
}

int64_t prunings_between(const Widths& from, const Widths& to) {
  return std::max<int64_t>(1, from.heads - to.heads);
}

double restored_rate(double rate, int64_t k) {
  return rate * std::pow(1 + kRestore, static_cast<double>(k));
}

int64_t restored_warmup(int64_t period) { return std::max(kFewestWarmup, period / 10); }

CosteffEpochs costeff_epochs(const std::string& task, int64_t rows, double heads_share) {
  const auto far = [&](const TaskEpochs& t) {
    return std::abs(std::log(static_cast<double>(rows) / static_cast<double>(t.rows)));
  };
  std::string name = task;
  if (name == "sst2") name = "sst-2";
  const auto* row = std::find_if(kTasks.begin(), kTasks.end(),
                                 [&](const TaskEpochs& t) { return t.task == name; });
  if (row == kTasks.end()) {
    row =
        std::min_element(kTasks.begin(), kTasks.end(),
                         [&](const TaskEpochs& a, const TaskEpochs& b) { return far(a) < far(b); });
  }
  const int64_t of_12 =
      std::clamp<int64_t>(std::llround(12 * heads_share), kFewestHeads, kMostHeads);
  const TaskEpochs::Size& size = row->of_heads[of_12 - kFewestHeads];
  return {.assistant_states = std::max(1.0, std::floor(row->fine_tuning / 3)),
          .assistant = row->fine_tuning,
          .period = size.period,
          .states = size.states,
          .answers = size.answers,
          .states_share = row->states_share};
}

}  // namespace costeff::prune
