#include "tasks/sweep/disagreements.h"

#include <algorithm>
#include <iterator>

namespace costeff::tasks {
namespace {

constexpr size_t kTextBytes = 600;  // of a text in a report

// The beginning of a text, cut between code points.
std::string head(const std::string& text) {
  if (text.size() <= kTextBytes) return text;
  size_t end = kTextBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

}  // namespace

void DisagreementKeeper::add(std::span<const Example> rows, const ExitTable& t) {
  if (is_regression(t)) return;
  const auto surer = [](const Disagreement& a, const Disagreement& b) {
    return a.early_prob != b.early_prob ? a.early_prob > b.early_prob : a.row < b.row;
  };
  by_exit_.resize(static_cast<size_t>(t.exits()) - 1);
  for (size_t i = 0; i < rows.size(); ++i, ++seen_) {
    const size_t last = t.at(seen_, t.exits() - 1);
    bool differs = false;
    for (size_t e = 0; e < by_exit_.size(); ++e) {
      const size_t at = t.at(seen_, static_cast<int64_t>(e));
      if (t.label[at] == t.label[last]) continue;
      differs = true;
      Disagreement d;
      d.row = seen_;
      d.early_prob = t.prob[at];
      auto& heap = by_exit_[e];
      const bool full = static_cast<int64_t>(heap.size()) >= limit_;
      if (limit_ == 0 || (full && !surer(d, heap.front()))) continue;
      d.id = rows[i].id;
      d.text = rows[i].has_ids ? "(token ids)" : head(rows[i].text_a);
      d.pair = rows[i].text_b ? head(*rows[i].text_b) : "";
      d.gold = head(rows[i].gold);
      d.layer = t.layers[e];
      d.early_label = t.label[at];
      d.last_label = t.label[last];
      d.last_prob = t.prob[last];
      if (full) {
        std::pop_heap(heap.begin(), heap.end(), surer);
        heap.pop_back();
      }
      heap.push_back(std::move(d));
      std::push_heap(heap.begin(), heap.end(), surer);
    }
    disagreeing_ += differs;
  }
}

std::vector<Disagreement> DisagreementKeeper::take() {
  std::vector<Disagreement> all, out;
  for (auto& heap : by_exit_) std::move(heap.begin(), heap.end(), std::back_inserter(all));
  by_exit_.clear();
  std::stable_sort(all.begin(), all.end(), [](const Disagreement& a, const Disagreement& b) {
    return a.early_prob != b.early_prob ? a.early_prob > b.early_prob : a.row < b.row;
  });
  for (Disagreement& d : all) {
    const bool known =
        std::any_of(out.begin(), out.end(), [&](const Disagreement& o) { return o.row == d.row; });
    if (!known && static_cast<int64_t>(out.size()) < limit_) out.push_back(std::move(d));
  }
  return out;
}

}  // namespace costeff::tasks
