#pragma once

// The answers of every exit for every row, from one pass over the data. Any number of exit policies can
// then be evaluated exactly, without the model.

#include <costeff/options.h>
#include <costeff/policy.h>
#include <costeff/result.h>

#include <cstdint>
#include <span>
#include <vector>

namespace costeff {

// Filled by append(). E exits, C labels; arrays [rows, E] are row-major. It takes about
// rows * E * (C + 7) * 4 bytes.
struct ExitTable {
  bool regression = false;
  int64_t num_labels = 0;       // C
  std::vector<int64_t> layers;  // [E] 1-based, ascending; the last exit is the final classifier

  std::vector<float> logits;  // [rows, E, C]
  // As the engine derives them from the logits, bit for bit. For a regression only `value` has a
  // meaning.
  std::vector<int32_t> label;      // [rows, E] argmax
  std::vector<float> prob;         // [rows, E] of label
  std::vector<float> margin;       // [rows, E] prob minus the second largest
  std::vector<float> entropy;      // [rows, E] nats
  std::vector<float> value;        // [rows, E] the first logit: the score of a regression
  std::vector<float> uncertainty;  // [rows, E] learned (BERxiT); -1: the exit has none
  std::vector<int32_t> tokens;     // [rows] including special tokens

  int64_t rows() const { return static_cast<int64_t>(tokens.size()); }
  int64_t exits() const { return static_cast<int64_t>(layers.size()); }
  // The index of exit `exit` of row `row` in arrays [rows, E].
  size_t at(int64_t row, int64_t exit) const { return static_cast<size_t>(row * exits() + exit); }
};

// Adds rows of a run with RunOptions::all_exits. The first row decides the exits and labels of the
// table; `regression` is ModelInfo::regression. Throws Error(internal) for results without exits, or
// from another model.
void append(std::span<const Result> results, bool regression, ExitTable* table);

// The exits of the table's model; the dialect is not known.
ModelExits exits_of(const ExitTable& table);

// The rows of `table` with these numbers, in this order.
ExitTable select_rows(const ExitTable& table, std::span<const int64_t> rows);

// The answer to one row under a policy. Members are as in Result.
struct Decision {
  int64_t exit = 0;   // index into ExitTable::layers
  int64_t layer = 0;  // layers[exit]
  int64_t label = 0;
  float prob = 0, entropy = 0;
  float value = 0;  // the score of a regression
};

// The answers of Engine::run with this policy, for every row, by the same float arithmetic. Throws
// Error(usage) as Engine::run does, for a policy that does not fit the model.
std::vector<Decision> decide(const ExitTable& table, const ExitPolicy& policy);

// The same, but only the exits: exits[row] is an index into table.layers.
void decide_exits(const ExitTable& table, const ExitPolicy& policy, std::vector<int32_t>* exits);

}  // namespace costeff
