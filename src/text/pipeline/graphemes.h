#pragma once

#include <cstddef>
#include <string_view>

namespace costeff::text {

// End of the extended grapheme cluster that begins at text[at], at < text.size() (UAX 29, but for
// rule GB9c, the Indic conjuncts, which nothing here depends on: such clusters are long enough to
// be read character by character in either way).
size_t cluster_end(std::string_view text, size_t at);

}  // namespace costeff::text
