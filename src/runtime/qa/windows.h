#pragma once

// A question and its context as token sequences that fit the model: [CLS] q [SEP] window [SEP].

#include <costeff/qa.h>

#include <cstdint>

#include "model/spec.h"
#include "text/tokenizer.h"

namespace costeff::runtime {

// Windows over n context tokens, W tokens each: window k begins at k step and ends at
// min(begin + W, n); the last one is the first that reaches n. There is at least one window, which
// may be empty.
struct Windows {
  int64_t count = 1, width = 0, step = 0;
};

// Source: return_overflowing_tokens of the Hugging Face fast tokenizers (Encoding::truncate).
// stride: tokens that two windows share, 0 <= stride < width; context <= width: one window.
Windows cut_windows(int64_t context, int64_t width, int64_t stride);

struct QaEncoding {
  text::Encoding pair;  // [CLS] q [SEP] all of the context [SEP], with spans
  int64_t head = 0;     // tokens before the context
  int64_t context = 0;  // tokens of the context
  Windows windows;
  bool from_end =
      false;  // the first window is the last of the context, as with truncation_side left

  int64_t begin(int64_t window) const;  // in context tokens
  int64_t end(int64_t window) const;
  const text::Span* spans(int64_t window) const { return pair.spans.data() + head + begin(window); }
};

// options: max_length has been resolved. White space before the question is dropped, as in
// run_qa.py. Throws Error(input) with the example's own error, and if the question leaves no room
// for the context or, where there is a second window, room for no more than doc_stride tokens of it.
void encode_question(const model::Model& model, const text::Tokenizer& tokenizer,
                     const QaExample& example, const QaOptions& options, QaEncoding* out);

// The token ids of one window -> row->input_ids and token_type_ids; the row has no error.
void fill_window(const QaEncoding& encoding, int64_t window, Example* row);

}  // namespace costeff::runtime
