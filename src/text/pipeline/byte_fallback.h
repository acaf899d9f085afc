#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "text/tokens/vocab.h"

namespace costeff::text {

// byte_fallback: a character without a token becomes the tokens <0xNN> of its bytes.
class ByteFallback {
 public:
  ByteFallback() = default;
  explicit ByteFallback(const Vocab& vocab);

  int32_t token(char byte) const { return tokens_[static_cast<uint8_t>(byte)]; }  // -1: none
  bool has_all(std::string_view text) const;  // a token for each byte of the text

 private:
  std::array<int32_t, 256> tokens_{};
};

}  // namespace costeff::text
