#pragma once

#include <string_view>

#include "text/tokenizer.h"

namespace costeff::text {

// White space that a post-processor takes out of spans.
struct TrimOptions {
  bool trim = false;
  bool add_prefix_space = false;  // a first token keeps one space at its beginning
};

// The span of `text` of a token that is spelled so, without the white space at its ends: that is
// counted in the spelling, and the ends are moved by as many characters of the text. `first`: it is
// the text's first token, or begins where the text does. Source: process_offsets of Hugging Face's
// tokenizers, src/pre_tokenizers/byte_level.rs.
Span trim_span(const TrimOptions& options, Span span, std::string_view spelling,
               std::string_view text, bool first);

}  // namespace costeff::text
