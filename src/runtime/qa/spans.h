#pragma once

// From start and end logits to answers. Source: postprocess_qa_predictions of Hugging Face's
// examples/pytorch/question-answering/utils_qa.py (run_squad's n-best search). Where this differs:
//   - a span that two windows hold counts once, with its better score;
//   - a window in which no likely start meets a likely end still offers its best span, used only if
//     no window has a likely one (there the reference answers the word "empty");
//   - equal scores are ordered as in the context, and spans without text never answer.

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

// The answers to one question, window by window.
struct SpanSearch {
  std::vector<QaSpan> best;  // at most n_best, by falling score, no two of the same bytes
  std::vector<QaSpan> rest;  // at most one: the best of windows without a likely span
  bool any_window = false;
  float null_start = 0, null_end = 0;  // logits of the first token where their sum is lowest
};

// Adds a window. logits: [S, 2], start and end. Tokens head .. head + C - 1 are the context's,
// spans [C] their bytes. Candidates are the n_best likeliest starts with the n_best likeliest ends,
// of all S tokens, if both are in the context, start <= end, and the span has at most
// max_answer_length tokens.
void search_window(std::span<const float> logits, int64_t head, std::span<const text::Span> spans,
                   const QaOptions& options, SpanSearch* search);

// Fills answer, n_best, null_score and null_odds. At least one window has been added.
void finish_search(const SpanSearch& search, std::string_view context, const QaOptions& options,
                   QaResult* result);

}  // namespace costeff::runtime
