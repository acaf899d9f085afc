#pragma once

// The answers of every exit for every row, from one pass over the data. Any number of exit policies can
// then be evaluated exactly, without the model.

#include <costeff/options.h>
#include <costeff/policy.h>
#include <costeff/result.h>

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <vector>

namespace costeff {

// The sets of labels that multi-label answers are, each once, so that a number stands for a set.
class LabelSets {
 public:
  // The number of a set, given in ascending order.
  int32_t number_of(const std::vector<int32_t>& labels);
  const std::vector<int32_t>& at(int32_t number) const {
    return sets_[static_cast<size_t>(number)];
  }

 private:
  std::map<std::vector<int32_t>, int32_t> numbers_;
  std::deque<std::vector<int32_t>> sets_;  // a set stays where it is when others are added
};

// Filled by append(). E exits, C labels; arrays [rows, E] are row-major. It takes about
// rows * E * (C + 8) * 4 bytes.
struct ExitTable {
  ProblemType problem = ProblemType::single_label;
  std::vector<double> label_thresholds;  // multi-label: RunOptions::label_thresholds
  int64_t num_labels = 0;                // C
  std::vector<int64_t> layers;  // [E] 1-based, ascending; the last exit is the final classifier

  std::vector<float> logits;  // [rows, E, C]
  // As the engine derives them from the logits, bit for bit. For a regression only `value` has a
  // meaning.
  std::vector<int32_t> label;  // [rows, E] argmax; multi-label: the number of the set in label_sets
  std::vector<float> prob;     // [rows, E] of label; multi-label: the least max(p, 1 - p)
  std::vector<float> margin;  // [rows, E] prob minus the second largest; multi-label: least |p - t|
  std::vector<float> entropy;      // [rows, E] nats; multi-label: the largest of a label
  std::vector<float> value;        // [rows, E] the first logit: the score of a regression
  std::vector<float> uncertainty;  // [rows, E] learned (BERxiT); -1: the exit has none
  // [rows, E] Jensen-Shannon, from the exit before, nats; multi-label: the mean over the labels; 0 at the
  // first exit, which has none before it.
  std::vector<float> divergence;
  std::vector<int32_t> tokens;  // [rows] including special tokens
  // Multi-label: the answers, and gold labels that were added. A mean of exits may be a set that no exit
  // gave, so judging policies may add sets; numbers are never changed.
  mutable LabelSets label_sets;

  int64_t rows() const { return static_cast<int64_t>(tokens.size()); }
  int64_t exits() const { return static_cast<int64_t>(layers.size()); }
  // The index of exit `exit` of row `row` in arrays [rows, E].
  size_t at(int64_t row, int64_t exit) const { return static_cast<size_t>(row * exits() + exit); }
};

// Adds rows of a run with RunOptions::all_exits. The first row decides the exits and labels of the
// table; `problem` is ModelInfo::problem, and table->label_thresholds must be those of the run. Throws
// Error(internal) for results without exits, or from another model.
void append(std::span<const Result> results, ProblemType problem, ExitTable* table);

// The exits of the table's model; the dialect is not known.
ModelExits exits_of(const ExitTable& table);

// The rows of `table` with these numbers, in this order.
ExitTable select_rows(const ExitTable& table, std::span<const int64_t> rows);

// The label with which each row leaves by each exit under the policy, [rows, E]: the exit's own or, if
// averages(policy), that of the mean of the exits in a row that end there. Rows leave by the last exit with
// its own.
std::vector<int32_t> labels_by_exit(const ExitTable& table, const ExitPolicy& policy);

// The answer to one row under a policy. Members are as in Result. It need not be that of `exit` alone
// (averages).
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

// The windows of long texts, as rows of a table: text i has those from first[i] to before first[i + 1]. None: each
// row is a text.
struct TextWindows {
  std::span<const int64_t> first = {};
  WindowJoin join = WindowJoin::mean;
};

// The answers to texts in windows, which are rows of the table: text i has those from first[i] to before
// first[i + 1]. Each window leaves by its own exit; the text's is the deepest. By the arithmetic of
// RunOptions::doc_stride.
std::vector<Decision> join_decisions(const ExitTable& table, const ExitPolicy& policy,
                                     std::span<const int64_t> first, WindowJoin join);

// The table of those texts: at each exit the joined answers of the windows there.
ExitTable join_exits(const ExitTable& table, std::span<const int64_t> first, WindowJoin join);

// The same, but only the exits: exits[row] is an index into table.layers.
void decide_exits(const ExitTable& table, const ExitPolicy& policy, std::vector<int32_t>* exits);

}  // namespace costeff
