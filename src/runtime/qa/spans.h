#pragma once

// Makes answers from start and end logits. Source: postprocess_qa_predictions in Hugging Face's
// examples/pytorch/question-answering/utils_qa.py (run_squad's n-best search). The differences:
//   - a span in two windows counts once, with its better score;
//   - a window in which no likely start fits a likely end still has a best span, which is used only if
//     no window has a likely one (the reference then answers the word "empty");
//   - equal scores are ordered as in the context, and spans without text are never the answer.

#include <costeff/qa.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace costeff::runtime {

struct QaSpan {
  int32_t begin = 0, end = 0;  // bytes of the context
  float start_logit = 0, end_logit = 0;
  double score() const { return static_cast<double>(start_logit) + static_cast<double>(end_logit); }
};

// The answers to one question, collected window by window.
struct SpanSearch {
  std::vector<QaSpan> best;  // at most n_best, by descending score, no two with the same bytes
  std::vector<QaSpan> rest;  // at most one: the best of the windows without a likely span
  bool any_window = false;
  float null_start = 0,
        null_end = 0;  // the first token's logits, from the window of the lowest sum
};

// Adds a window. logits: [S, 2], start and end. Tokens head .. head + C - 1 are those of the context;
// spans [C] are their bytes. Candidates pair the n_best likeliest starts of all S tokens with the
// n_best likeliest ends, if both are in the context, start <= end, and the span has at most
// max_answer_length tokens.
void search_window(std::span<const float> logits, int64_t head, std::span<const text::Span> spans,
                   const QaOptions& options, SpanSearch* search);

// Fills in answer, n_best, null_score and null_odds. At least one window must have been added.
void finish_search(const SpanSearch& search, std::string_view context, const QaOptions& options,
                   QaResult* result);

}  // namespace costeff::runtime
