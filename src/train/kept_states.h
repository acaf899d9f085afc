#pragma once

// Pooled states of every row, computed once: what off-ramps are trained on while the backbone is frozen.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "grad/network.h"

namespace costeff::train {

struct KeptStates {
  struct Slot {
    model::Pooling pooling = model::Pooling::first;
    int64_t layer = 0;  // 0: the embeddings' output
  };
  std::vector<Slot> slots;
  int64_t rows = 0, hidden = 0;
  float* data = nullptr;  // [slots, rows, H], not owned

  // The slot of a state; slots.size(): it is not kept.
  static size_t find(const std::vector<Slot>& slots, model::Pooling pooling, int64_t layer) {
    const auto is_it = [&](const Slot& s) { return s.pooling == pooling && s.layer == layer; };
    return static_cast<size_t>(std::find_if(slots.begin(), slots.end(), is_it) - slots.begin());
  }
  float* row(size_t slot, int64_t r) const {
    return data + (static_cast<int64_t>(slot) * rows + r) * hidden;
  }
  int64_t floats() const { return static_cast<int64_t>(slots.size()) * rows * hidden; }
};

// The states of some rows, for Network::forward_from_pooled. States that are not kept are those of exits
// that nobody asks: 0.
struct KeptBatch {
  const KeptStates* kept = nullptr;
  const grad::Batch* batch = nullptr;

  grad::PooledStates source() const { return {fill, this}; }

 private:
  static void fill(const void* context, model::Pooling pooling, int64_t layer, Range rows,
                   float* to) {
    const auto& self = *static_cast<const KeptBatch*>(context);
    const KeptStates& k = *self.kept;
    const size_t slot = KeptStates::find(k.slots, pooling, layer);
    for (int64_t b = rows.begin; b < rows.end; ++b, to += k.hidden) {
      const auto row = static_cast<int64_t>(self.batch->row_ids[static_cast<size_t>(b)]);
      if (slot == k.slots.size()) {
        std::fill_n(to, k.hidden, 0.0f);
      } else {
        std::copy_n(k.row(slot, row), k.hidden, to);
      }
    }
  }
};

}  // namespace costeff::train
