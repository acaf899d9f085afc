#include "runtime/waiting.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace costeff::runtime {
namespace {

void copy_rows(float* to, const float* from, int64_t rows, int64_t hidden) {
  std::memmove(to, from, sizeof(float) * static_cast<size_t>(rows * hidden));
}

// K of Waiting::kept.
size_t kept_width(const Waiting& w) { return w.empty() ? 0 : w.kept.size() / w.real.size(); }

// Removes those that leave and moves the others together.
void close_ranks(Waiting* w, std::span<const uint8_t> leaving, int64_t hidden) {
  int64_t to = 0, token = 0;
  const size_t kept = kept_width(*w);
  for (int64_t b = 0; b < w->sequences(); ++b) {
    const auto from = static_cast<size_t>(b), at = static_cast<size_t>(to);
    if (leaving[from]) continue;
    const int64_t begin = w->start[from], count = w->start[from + 1] - begin;
    if (to != b) {
      copy_rows(w->x.data() + token * hidden, w->x.data() + begin * hidden, count, hidden);
      for (FloatBuffer& h : w->history)
        copy_rows(h.data() + to * hidden, h.data() + b * hidden, 1, hidden);
      w->real[at] = w->real[from];
      w->tickets[at] = w->tickets[from];
      w->states[at] = w->states[from];
      std::copy_n(w->kept.begin() + static_cast<std::ptrdiff_t>(from * kept), kept,
                  w->kept.begin() + static_cast<std::ptrdiff_t>(at * kept));
    }
    // start[to] is not read again: to <= from.
    w->start[at] = static_cast<int32_t>(token);
    token += count;
    ++to;
  }
  const auto n = static_cast<size_t>(to);
  w->real.resize(n);
  w->tickets.resize(n);
  w->states.resize(n);
  w->kept.resize(n * kept);
  w->start.resize(n + 1);
  w->start.back() = static_cast<int32_t>(token);
}

void append(const Waiting& from, int64_t b, int64_t hidden, Waiting* to) {
  const auto at = static_cast<size_t>(b);
  const int64_t begin = from.start[at], count = from.start[at + 1] - begin;
  const int64_t tokens = to->tokens(), sequences = to->sequences();
  float* x = to->x.grow(tokens * hidden, (tokens + count) * hidden);
  copy_rows(x + tokens * hidden, from.x.data() + begin * hidden, count, hidden);
  to->history.resize(from.history.size());
  for (size_t s = 0; s < from.history.size(); ++s) {
    float* h = to->history[s].grow(sequences * hidden, (sequences + 1) * hidden);
    copy_rows(h + sequences * hidden, from.history[s].data() + b * hidden, 1, hidden);
  }
  to->start.push_back(static_cast<int32_t>(tokens + count));
  to->real.push_back(from.real[at]);
  to->tickets.push_back(from.tickets[at]);
  to->states.push_back(from.states[at]);
  const auto kept = static_cast<std::ptrdiff_t>(kept_width(from));
  const auto first = from.kept.begin() + b * kept;
  to->kept.insert(to->kept.end(), first, first + kept);
}

void drop_front(Waiting* w, int64_t n, int64_t hidden) {
  const int64_t gone = w->start[static_cast<size_t>(n)], left = w->tokens() - gone;
  w->kept.erase(w->kept.begin(), w->kept.begin() + n * static_cast<std::ptrdiff_t>(kept_width(*w)));
  copy_rows(w->x.data(), w->x.data() + gone * hidden, left, hidden);
  for (FloatBuffer& h : w->history)
    copy_rows(h.data(), h.data() + n * hidden, w->sequences() - n, hidden);
  w->start.erase(w->start.begin(), w->start.begin() + n);
  for (int32_t& s : w->start) s -= static_cast<int32_t>(gone);
  w->real.erase(w->real.begin(), w->real.begin() + n);
  w->tickets.erase(w->tickets.begin(), w->tickets.begin() + n);
  w->states.erase(w->states.begin(), w->states.begin() + n);
}

}  // namespace

int64_t front_of(const Waiting& w, int64_t tokens) {
  const auto end = std::upper_bound(w.start.begin() + 1, w.start.end(), tokens);
  return std::clamp<int64_t>(end - w.start.begin() - 1, std::min<int64_t>(1, w.sequences()),
                             w.sequences());
}

void move_front(Waiting* from, int64_t n, std::span<const uint8_t> leaving, int64_t hidden,
                Waiting* to) {
  if (n == from->sequences() && to->empty()) {
    // All go on together and need not be copied.
    close_ranks(from, leaving, hidden);
    std::swap(*from, *to);
    return;
  }
  for (int64_t b = 0; b < n; ++b) {
    if (!leaving[static_cast<size_t>(b)]) append(*from, b, hidden, to);
  }
  drop_front(from, n, hidden);
}

}  // namespace costeff::runtime
