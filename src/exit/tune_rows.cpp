#include <costeff/tune.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace costeff {
namespace {

// The windows of these texts, and where each of the texts begins in that list.
std::vector<int64_t> windows_of(std::span<const int64_t> texts, const TextWindows& windows,
                                std::vector<int64_t>* first) {
  std::vector<int64_t> out;
  first->assign(1, 0);
  for (const int64_t text : texts) {
    const auto i = static_cast<size_t>(text);
    for (int64_t w = windows.first[i]; w < windows.first[i + 1]; ++w) out.push_back(w);
    first->push_back(static_cast<int64_t>(out.size()));
  }
  return out;
}

}  // namespace

bool needs_search(std::span<const Curve> curves) {
  return std::any_of(curves.begin(), curves.end(), [](const Curve& c) {
    return c.by_layer || policy_traits(c.kind).needs_weights;
  });
}

TuneRows split_for_search(const ExitTable& t, std::span<const int64_t> gold, double share,
                          uint64_t seed, const TextWindows& windows) {
  TuneRows out;
  out.join = windows.join;
  if (share <= 0) {
    out.test = t;
    out.gold.assign(gold.begin(), gold.end());
    out.first_window.assign(windows.first.begin(), windows.first.end());
    return out;
  }
  const int64_t texts =
      windows.first.empty() ? t.rows() : static_cast<int64_t>(windows.first.size()) - 1;
  std::vector<int64_t> search, test;
  split_rows(texts, share, seed, &search, &test);
  out.search_rows = static_cast<int64_t>(search.size());
  if (const int64_t enough = search_rows_enough(t.exits()); out.search_rows > enough) {
    std::vector<int64_t> some, rest;
    split_rows(out.search_rows, static_cast<double>(enough) / static_cast<double>(out.search_rows),
               seed + 1, &some, &rest);
    search = select_gold(search, some);
  }
  out.search_gold = select_gold(gold, search);
  out.gold = select_gold(gold, test);
  if (windows.first.empty()) {
    out.search = select_rows(t, search);
    out.test = select_rows(t, test);
    return out;
  }
  out.test = select_rows(t, windows_of(test, windows, &out.first_window));
  std::vector<int64_t> first;
  out.search = select_rows(t, windows_of(search, windows, &first));
  out.search_gold = gold_of_windows(out.search_gold, first);
  return out;
}

std::vector<ExitPolicy> tune_sequence(const TuneRows& rows, const TuneGoal& goal,
                                      const Curve& curve, int64_t exit_start,
                                      double value_threshold) {
  if (!curve.by_layer) {
    ExitPolicy form = form_of(curve, exit_start);
    if (is_regression(rows.test) && curve.kind == PolicyKind::patience)
      form.thresholds = {value_threshold};
    if (policy_traits(curve.kind).needs_weights)
      form.exit_weights = estimated_weights(rows.search, rows.search_gold);
    return policy_family(form, rows.test);
  }
  TuneGoal search = goal;
  if (goal.kind == GoalKind::speedup) {  // which does not tell what rows may leave
    search.kind = is_regression(rows.search) ? GoalKind::score_change
                  : rows.search_gold.empty() ? GoalKind::disagreement
                                             : GoalKind::accuracy_drop;
  }
  return per_layer_path(rows.search, exit_losses(rows.search, search, rows.search_gold), curve.kind,
                        exit_start);
}

std::vector<int64_t> gold_of_windows(std::span<const int64_t> gold,
                                     std::span<const int64_t> first) {
  std::vector<int64_t> out;
  for (size_t text = 0; text < gold.size(); ++text)
    out.resize(static_cast<size_t>(first[text + 1]), gold[text]);
  return out;
}

std::vector<int64_t> select_gold(std::span<const int64_t> gold, std::span<const int64_t> rows) {
  std::vector<int64_t> out;
  if (gold.empty()) return out;
  for (const int64_t row : rows) out.push_back(gold[static_cast<size_t>(row)]);
  return out;
}

void split_rows(int64_t rows, double share, uint64_t seed, std::vector<int64_t>* first,
                std::vector<int64_t>* second) {
  std::vector<int64_t> order(static_cast<size_t>(rows));
  std::iota(order.begin(), order.end(), 0);
  // splitmix64 gives the same split everywhere, which std::shuffle does not promise.
  uint64_t state = seed;
  for (size_t i = order.size(); i > 1; --i) {
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    std::swap(order[i - 1], order[(z ^ (z >> 31)) % i]);
  }
  const auto size = static_cast<size_t>(std::llround(share * static_cast<double>(rows)));
  first->assign(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(size));
  second->assign(order.begin() + static_cast<std::ptrdiff_t>(size), order.end());
  std::sort(first->begin(), first->end());
  std::sort(second->begin(), second->end());
}

}  // namespace costeff
