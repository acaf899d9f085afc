#pragma once

#include <string_view>

#include "text/chars/span.h"

namespace costeff::text {

// The white space that a post-processor removes from spans.
struct TrimOptions {
  bool trim = false;
  bool add_prefix_space = false;  // a first token keeps one space at its beginning
};

// The token's span of `text` without the white space at its ends. The white space is counted in the
// token's spelling, and each end moves by this many characters of the text. `first`: the token is
// the text's first, or begins where the text does. Source: process_offsets of Hugging Face's
// tokenizers, src/pre_tokenizers/byte_level.rs.
Span trim_span(const TrimOptions& options, Span span, std::string_view spelling,
               std::string_view text, bool first);

}  // namespace costeff::text
