#pragma once

// What ALBERT's tokenizer does to a text before sentencepiece sees it.

#include <string>
#include <string_view>
#include <vector>

#include "text/chars/span.h"

namespace costeff::text {

struct AlbertOptions {
  bool lower_case = true;    // do_lower_case
  bool remove_space = true;  // runs of white space become one space, none at the ends
  bool keep_accents = false;
};

// Replaces *out by the text as Hugging Face's slow tokenizer prepares it, with Unicode 14.0: quotes
// `` and '' become "; NFKD without combining characters unless keep_accents; lower case, before and
// after that. One difference: capital sigma in the middle of a mathematical alphabet never becomes
// a final one, as in the fast tokenizer. *source (if not null): for each byte of *out, the span of
// `text` it comes from. Bytes that are not UTF-8 become U+FFFD.
void albert_text(std::string_view text, const AlbertOptions& options, std::string* out,
                 std::vector<Span>* source);

}  // namespace costeff::text
