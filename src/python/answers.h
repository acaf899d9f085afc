#pragma once

// The answers to many rows, column by column: what becomes NumPy arrays.

#include <costeff/result.h>

#include <cstdint>
#include <span>
#include <vector>

namespace costeff::python {

// B rows, C labels (regression: 1), E exits. Arrays are row-major.
struct Answers {
  std::vector<int64_t> label_ids;   // [B] single-label
  std::vector<uint8_t> label_mask;  // [B, C] multi-label: whether the label is part of the answer
  std::vector<float> prob;          // [B] Result::prob
  std::vector<float> entropy;       // [B]
  std::vector<float> probs;         // [B, C]; regression: none
  std::vector<float> logits;        // [B, C]
  std::vector<int64_t> exit_layer;  // [B] 1-based
  std::vector<int64_t> tokens;      // [B]
  std::vector<uint8_t> truncated;   // [B] bool

  // RunOptions::all_exits
  std::vector<int64_t> exit_layers;     // [E] 1-based
  std::vector<float> exit_logits;       // [B, E, C]
  std::vector<float> exit_probs;        // [B, E, C]; regression: none
  std::vector<float> exit_entropy;      // [B, E]
  std::vector<float> exit_uncertainty;  // [B, E] BERxiT's learned exits; NaN: the exit has none

  int64_t rows() const { return static_cast<int64_t>(exit_layer.size()); }
};

void reserve(size_t rows, size_t labels, Answers* answers);
void append(std::span<const Result> results, size_t labels, bool multi_label, Answers* answers);

}  // namespace costeff::python
