#pragma once

// Sequences that wait before a layer, packed as the layer reads them.

#include <costeff/result.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "base/aligned.h"
#include "exit/policy.h"
#include "model/layer.h"

namespace costeff::runtime {

using Clock = std::chrono::steady_clock;

// Where the answer of a sequence belongs.
struct Ticket {
  Result* result = nullptr;       // where the answer goes
  int64_t* unanswered = nullptr;  // rows for which its chunk still waits, including this one
  Clock::time_point since;        // when the row was admitted
};

// B sequences with their hidden states end to end, in order of arrival.
struct Waiting {
  FloatBuffer x;                         // [T, H]
  std::vector<int32_t> start{0};         // [B + 1]
  std::vector<int32_t> real;             // [B]: the number of tokens that are not padding
  std::vector<Ticket> tickets;           // [B]
  std::vector<exits::ExitState> states;  // [B]
  std::vector<float> kept;           // [B, K] what the policy keeps of probabilities; K = 0 or C
  std::vector<FloatBuffer> history;  // pooled hidden states that exits may read: [B, H] each

  int64_t sequences() const { return static_cast<int64_t>(real.size()); }
  int64_t tokens() const { return start.back(); }
  bool empty() const { return real.empty(); }
  // Those of sequence b: [K].
  std::span<float> kept_of(int64_t b) {
    const size_t k = kept.size() / real.size();
    return {kept.data() + static_cast<size_t>(b) * k, k};
  }
  // The first `n` sequences.
  model::PackedView view(int64_t n) const { return {n, start.data(), real.data()}; }
};

// The number of sequences at the front that together have at most `tokens` tokens; at least one, if
// there is any.
int64_t front_of(const Waiting& w, int64_t tokens);

// Removes the first `n` sequences from `from` and appends those that are not leaving[b] to `to`.
// All keep their order. hidden: H.
void move_front(Waiting* from, int64_t n, std::span<const uint8_t> leaving, int64_t hidden,
                Waiting* to);

}  // namespace costeff::runtime
