#pragma once

// Rows and their answers: plain data, which every room may use.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace costeff {

// One row to score.
struct Example {
  std::string text_a;
  std::optional<std::string> text_b;    // present (even empty): a pair
  std::vector<int32_t> input_ids;       // used instead of the texts when `has_ids`
  std::vector<int32_t> token_type_ids;  // as long as input_ids, or empty: all 0
  bool has_ids = false;

  // Passed through, in any form.
  std::string id;
  std::vector<std::string> kept;  // columns that are copied to the output
  std::string raw;                // the row as it is in its file

  std::string gold;  // the label as it is in the file; empty: none, or not needed
  // Why the row cannot be read, beginning with "file:line: "; empty: it can. Such a row is not scored.
  // It ends the run, or reaches the sink with this text in Result::error (RunOptions::skip_bad_rows).
  std::string error;
  std::string_view source;  // where it comes from, for error messages; must outlive the run
  int64_t line = 0;         // line in `source`, from 1; 0: unknown
};

// The answer of one exit.
struct ExitOutput {
  int64_t layer = 0;          // 1-based
  std::vector<float> logits;  // [C]
  std::vector<float> probs;   // [C] softmax; multi-label: a sigmoid each; empty for regression
  float entropy = 0;          // nats, as in Result; 0 for regression
  float uncertainty = -1;     // BERxiT's learned exit, 0 to 1; -1: this exit has none
};

// The answer to one row, from the exit where it left; ExitPolicy::average: all but logits of several exits.
struct Result {
  int64_t exit_layer = 0;       // 1-based
  int64_t label = 0;            // argmax; not of multi-label models and regressions
  std::vector<int32_t> labels;  // multi-label: those of the answer, ascending; may be none
  float prob = 0;     // of `label`; multi-label: the least max(p, 1 - p); regression: unused
  float entropy = 0;  // nats, at the exit where it left; multi-label: the largest of a label
  std::vector<float> logits;      // [C]; regression: [1], the score
  std::vector<float> probs;       // [C]; empty for regression
  std::vector<ExitOutput> exits;  // RunOptions::all_exits: every exit, in layer order
  // RunOptions::doc_stride, of a text in more than one window: the other members are joined over them.
  // exit_layer is the deepest, tokens are those of all windows, and logits follow from the probabilities.
  int64_t window_count = 1;
  std::vector<Result> windows;  // RunOptions::windows: the answers of all windows, in order
  // Question answering models: [tokens, 2], start and end logit of every token. Then label, probs and
  // logits are not set.
  std::vector<float> token_logits;
  int64_t tokens = 0;      // including special tokens
  bool bad_utf8 = false;   // the text had bytes that are not UTF-8, read as U+FFFD
  bool truncated = false;  // the text was longer than max_length
  bool empty = false;      // the row has no text but white space
  // RunOptions::skip_bad_rows: why the row was not scored; then nothing else is set.
  std::string error;
};

// Counts and times of one run.
struct RunStats {
  int64_t rows = 0;
  int64_t tokens = 0;
  int64_t bad_utf8_rows = 0;
  int64_t truncated_rows = 0;
  int64_t empty_rows = 0;
  int64_t windows = 0;                  // rows in one window count 1
  int64_t skipped_rows = 0;             // not scored (Result::error), not in the other numbers
  std::vector<int64_t> exit_histogram;  // [L], rows that left after layer i + 1
  int64_t layer_tokens = 0;             // tokens x layers computed
  // Seconds by stage, added up over threads.
  double tokenize_s = 0, embed_s = 0, attention_s = 0, ffn_s = 0, exits_s = 0;
  double wall_s = 0;
  int64_t threads = 0;
};

}  // namespace costeff
