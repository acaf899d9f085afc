#include "text/regex/char_set.h"

#include <algorithm>

#include "text/chars/char_class.h"
#include "text/chars/char_tables.h"

namespace costeff::text {
namespace {

bool is_ascii_letter(uint32_t c) { return (c | 32) >= 'a' && (c | 32) <= 'z' && c < 128; }

}  // namespace

bool CharSet::has(uint32_t c) const {
  return std::any_of(items.begin(), items.end(), [&](const Item& item) {
    switch (item.kind) {
      case Item::Kind::range:
        return (c >= item.first && c <= item.last) != item.negated;
      case Item::Kind::categories:
        return ((item.first >> static_cast<int>(category(c))) & 1) != item.negated;
      case Item::Kind::space:
        return is_white_space(c) != item.negated;
      case Item::Kind::word:
        return is_pattern_word(c) != item.negated;
      case Item::Kind::class_word:
        return is_class_word(c) != item.negated;
    }
    return false;
  });
}

bool CharSet::look_up(uint32_t c) const {
  bool found = has(c);
  if (!found && fold_case) {
    if (is_ascii_letter(c)) found = has(c ^ 32);
    if (c == 0x17F || (c | 32) == 's') found = found || has('s') || has('S') || has(0x17F);
    if (c == 0x212A || (c | 32) == 'k') found = found || has('k') || has('K') || has(0x212A);
  }
  return found != negated;
}

void CharSet::complete() {
  for (uint32_t c = 0; c < 128; ++c) ascii[c] = look_up(c);
}

}  // namespace costeff::text
