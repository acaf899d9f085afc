#pragma once

// Rows of a training step, end to end.

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "model/layer.h"

namespace costeff::grad {

// B rows of T tokens in all. Products in bfloat16 may add pairs of neighbouring tokens, so that each
// row begins at an even place: a row of odd length is followed by one place that belongs to no token
// and takes part in nothing. What a row adds to a gradient is then the same in any batch.
struct Batch {
  std::vector<int32_t> ids, types;  // [T]
  std::vector<int32_t> start{0};    // [B + 1]
  std::vector<int32_t> real;        // [B]: tokens of a row
  std::vector<int32_t> keys;        // [B]: those of them, the first, that attention reads
  std::vector<uint32_t> row_ids;    // [B]: which row of the data, for dropout
  int64_t pad_token = 0;            // what stands in places that belong to no token

  // Capacity stays.
  void clear();
  void add(std::span<const int32_t> row_ids_of_tokens, std::span<const int32_t> row_types,
           uint32_t row_id);
  // A row with `padding` more tokens, of the pad token: computed, read by no other. Losses count them as
  // they count any token. The references pad so; training does not, it is for comparisons.
  void add_padded(std::span<const int32_t> row_ids_of_tokens, std::span<const int32_t> row_types,
                  int64_t padding, uint32_t row_id);
  // A row without tokens, for exits on pooled states that are given (Network::forward_from_pooled).
  void add_row(uint32_t row_id);

  // The places that a row of so many tokens takes.
  static int64_t places(int64_t tokens) { return tokens + tokens % 2; }

  int64_t rows() const { return static_cast<int64_t>(real.size()); }
  int64_t tokens() const { return start.back(); }  // with places of no token
  int64_t longest() const;                         // tokens of the longest row
  model::PackedView view() const { return {rows(), start.data(), real.data()}; }
};

// What the memory of a step depends on.
struct BatchShape {
  int64_t tokens = 0, rows = 0, longest = 0;

  void add_row(int64_t row_tokens) {
    tokens += Batch::places(row_tokens);
    ++rows;
    longest = std::max(longest, row_tokens);
  }
  // Becomes the largest of both in each number.
  void cover(const BatchShape& other) {
    tokens = std::max(tokens, other.tokens);
    rows = std::max(rows, other.rows);
    longest = std::max(longest, other.longest);
  }
};
inline BatchShape shape_of(const Batch& b) { return {b.tokens(), b.rows(), b.longest()}; }

}  // namespace costeff::grad
