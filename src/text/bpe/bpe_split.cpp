#include "text/bpe/bpe_split.h"

#include <array>
#include <cstdint>

#include "base/utf8.h"
#include "text/chars/char_tables.h"

namespace costeff::text {
namespace {

// The classes of ASCII; kNotAscii for the other bytes.
constexpr uint8_t kNotAscii = 0xFF;
constexpr std::array<uint8_t, 256> kByteClasses = [] {
  std::array<uint8_t, 256> classes{};
  for (uint32_t b = 0; b < 256; ++b) {
    classes[b] = b < 0x80 ? static_cast<uint8_t>(bpe_class(b)) : kNotAscii;
  }
  return classes;
}();

uint8_t byte_class(char byte) { return kByteClasses[static_cast<uint8_t>(byte)]; }

BpeClass class_at(std::string_view text, size_t* at) {
  if (const uint8_t k = byte_class(text[*at]); k != kNotAscii) {
    ++*at;
    return static_cast<BpeClass>(k);
  }
  bool bad = false;
  return bpe_class(next_code_point(text, at, &bad));
}

// Skips code points of class k; *last is where the last one skipped begins.
size_t skip_run(std::string_view text, size_t at, BpeClass k, size_t* last) {
  while (at < text.size()) {
    const size_t ascii = at;
    while (at < text.size() && byte_class(text[at]) == static_cast<uint8_t>(k)) ++at;
    if (at > ascii) *last = at - 1;
    if (at == text.size() || byte_class(text[at]) != kNotAscii) break;
    size_t next = at;
    if (class_at(text, &next) != k) break;
    *last = at;
    at = next;
  }
  return at;
}

// Bytes of the contraction that `rest` begins with, 0 if none.
size_t contraction(std::string_view rest) {
  if (rest.size() < 2 || rest[0] != '\'') return 0;
  const char c = rest[1];
  if (c == 's' || c == 't' || c == 'm' || c == 'd') return 2;
  const std::string_view two = rest.substr(1, 2);
  return two == "re" || two == "ve" || two == "ll" ? 3 : 0;
}

}  // namespace

size_t bpe_word_end(std::string_view text, size_t at) {
  if (const size_t n = contraction(text.substr(at))) return at + n;
  size_t last = at, next = at;
  const BpeClass k = class_at(text, &next);
  if (k != BpeClass::space) return skip_run(text, next, k, &last);
  // One U+0020, and no other white space, joins the word after it.
  if (text[at] == ' ' && next < text.size()) {
    size_t after = next;
    const BpeClass following = class_at(text, &after);
    if (following != BpeClass::space) return skip_run(text, after, following, &last);
  }
  // White space up to the end of the text is one word; otherwise its last code point belongs to the
  // next word.
  const size_t end = skip_run(text, next, BpeClass::space, &last);
  return end == text.size() || last == at ? end : last;
}

}  // namespace costeff::text
