#pragma once

#include <cstddef>
#include <string_view>

namespace costeff::text {

// The end of the extended grapheme cluster that begins at text[at], at < text.size() (UAX 29).
// Rule GB9c, the Indic conjuncts, is left out: such clusters are so long that they are read
// character by character either way.
size_t cluster_end(std::string_view text, size_t at);

}  // namespace costeff::text
