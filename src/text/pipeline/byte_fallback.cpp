#include "text/pipeline/byte_fallback.h"

#include <fmt/core.h>

#include <algorithm>

namespace costeff::text {

ByteFallback::ByteFallback(const Vocab& vocab) {
  for (size_t b = 0; b < tokens_.size(); ++b) tokens_[b] = vocab.find(fmt::format("<0x{:02X}>", b));
}

bool ByteFallback::has_all(std::string_view text) const {
  return std::all_of(text.begin(), text.end(), [&](char c) { return token(c) >= 0; });
}

}  // namespace costeff::text
