#pragma once

// A text that is too long for a model, as windows that fit: [CLS] window [SEP], or [CLS] a [SEP] window [SEP].

#include <costeff/result.h>

#include <cstdint>
#include <vector>

#include "text/tokenizer.h"

namespace costeff::runtime {

// Windows over n tokens, of `width` tokens each. Window k begins at k * step and ends at
// min(begin + width, n). The last one is the first that reaches n. There is at least one window, which
// may be empty.
struct Windows {
  int64_t count = 1, width = 0, step = 0;
};

// Source: return_overflowing_tokens of the Hugging Face fast tokenizers (Encoding::truncate).
// stride: the number of tokens that two windows share, 0 <= stride < width, unless context <= width.
Windows cut_windows(int64_t context, int64_t width, int64_t stride);

struct WindowedText {
  text::Encoding whole;  // with all tokens of the text that is cut
  int64_t head = 0;      // tokens before that text
  int64_t context = 0;   // tokens of that text
  Windows windows;
  bool from_end = false;  // windows are counted from the end, as with truncation_side left

  int64_t begin(int64_t window) const;  // in tokens of that text
  int64_t end(int64_t window) const;
  // Where the tokens of a window are in the text, if `whole` has spans.
  const text::Span* spans(int64_t window) const {
    return whole.spans.data() + head + begin(window);
  }
};

// Sets input_ids and token_type_ids of a row to those of a window, and clears its error.
void fill_window(const WindowedText& text, int64_t window, Example* row);

}  // namespace costeff::runtime
