#pragma once

// A question and its context as token sequences that fit the model: [CLS] q [SEP] window [SEP].

#include <costeff/qa.h>

#include <cstdint>

#include "model/spec.h"
#include "text/tokenizer.h"

namespace costeff::runtime {

// Windows over n context tokens, of `width` tokens each. Window k begins at k * step and ends at
// min(begin + width, n). The last one is the first that reaches n. There is at least one window, which
// may be empty.
struct Windows {
  int64_t count = 1, width = 0, step = 0;
};

// Source: return_overflowing_tokens of the Hugging Face fast tokenizers (Encoding::truncate).
// stride: the number of tokens that two windows share, 0 <= stride < width, unless context <= width.
Windows cut_windows(int64_t context, int64_t width, int64_t stride);

struct QaEncoding {
  text::Encoding pair;  // [CLS] q [SEP] the whole context [SEP], with spans
  int64_t head = 0;     // tokens before the context
  int64_t context = 0;  // tokens of the context
  Windows windows;
  bool from_end = false;  // windows are counted from the end, as with truncation_side left

  int64_t begin(int64_t window) const;  // in context tokens
  int64_t end(int64_t window) const;
  const text::Span* spans(int64_t window) const { return pair.spans.data() + head + begin(window); }
};

// Encodes a question and its context, and cuts windows. options: from resolve_qa. White space before the
// question is dropped, as in run_qa.py. Throws an Error(input) with the example's own error, and if the
// question leaves no room for the context or, if there is a second window, no more room than doc_stride
// tokens.
void encode_question(const model::Model& model, const text::Tokenizer& tokenizer,
                     const QaExample& example, const QaOptions& options, QaEncoding* out);

// Sets input_ids and token_type_ids of a row to those of a window, and clears its error.
void fill_window(const QaEncoding& encoding, int64_t window, Example* row);

}  // namespace costeff::runtime
