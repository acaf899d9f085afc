#pragma once

// What every exit answered for every row: one pass over the data, from which any number of exit
// policies can then be judged exactly, without the model.

#include <costeff/options.h>
#include <costeff/policy.h>
#include <costeff/result.h>

#include <cstdint>
#include <span>
#include <vector>

namespace costeff {

// Filled by append(). E exits, C labels; what is [rows, E] lies row by row. About
// rows * E * (C + 7) * 4 bytes.
struct ExitTable {
  bool regression = false;
  int64_t num_labels = 0;       // C
  std::vector<int64_t> layers;  // [E] 1-based, rising; the last exit is the final classifier

  std::vector<float> logits;  // [rows, E, C]
  // What the engine derives from them, to the last bit. Of a regression only `value` says
  // something.
  std::vector<int32_t> label;      // [rows, E] argmax
  std::vector<float> prob;         // [rows, E] of label
  std::vector<float> margin;       // [rows, E] prob less the second largest
  std::vector<float> entropy;      // [rows, E] nats
  std::vector<float> value;        // [rows, E] the first logit: the score of a regression
  std::vector<float> uncertainty;  // [rows, E] learned (BERxiT); -1: the exit has none
  std::vector<int32_t> tokens;     // [rows] special tokens included

  int64_t rows() const { return static_cast<int64_t>(tokens.size()); }
  int64_t exits() const { return static_cast<int64_t>(layers.size()); }
  // Where exit `exit` of row `row` lies in what is [rows, E].
  size_t at(int64_t row, int64_t exit) const { return static_cast<size_t>(row * exits() + exit); }
};

// Adds rows of a run with RunOptions::all_exits. The first rows set what the table is of;
// `regression` as ModelInfo::regression. Throws Error(internal) for results without exits, or of
// another model.
void append(std::span<const Result> results, bool regression, ExitTable* table);

// What the table says of its model; the dialect is not known.
ModelExits exits_of(const ExitTable& table);

// The rows of `table` that `rows` names, in that order.
ExitTable select_rows(const ExitTable& table, std::span<const int64_t> rows);

// The answer to one row under a policy: members as in Result.
struct Decision {
  int64_t exit = 0;   // index into ExitTable::layers
  int64_t layer = 0;  // layers[exit]
  int64_t label = 0;
  float prob = 0, entropy = 0;
  float value = 0;  // the score of a regression
};

// What Engine::run answers with this policy, for every row, from the same float arithmetic. Throws
// Error(usage) where Engine::run does: a policy that does not fit the model.
std::vector<Decision> decide(const ExitTable& table, const ExitPolicy& policy);

// The same, the exits alone: exits[row] is an index into table.layers.
void decide_exits(const ExitTable& table, const ExitPolicy& policy, std::vector<int32_t>* exits);

}  // namespace costeff
