#include "text/chars/char_class.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "text/chars/char_tables.h"
#include "text/chars/lower_runs.h"

namespace costeff::text {
namespace measured {
#include "text/chars/unicode_tables.inc"
}

namespace {

// The value of the run that c lies in. The table holds first << bits | value, from 0 up.
template <size_t n>
constexpr uint32_t run_value(const uint32_t (&runs)[n], int bits, uint32_t c) {
  const uint32_t past = (c + 1) << bits;
  const uint32_t* it = std::lower_bound(std::begin(runs), std::end(runs), past);
  return *(it - 1) & ((1u << bits) - 1);
}

constexpr std::array<Category, 256> kLatinCategories = [] {
  std::array<Category, 256> of{};
  for (uint32_t c = 0; c < 256; ++c) {
    of[c] = static_cast<Category>(run_value(measured::kCategories, 5, c));
  }
  return of;
}();

// Looks c up in a sorted table of pairs (code point, place << 8 | length).
template <size_t n>
Decomposed look_up(const uint32_t (&entries)[n], const uint32_t* pool, uint32_t c) {
  size_t low = 0, high = n / 2;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (entries[2 * middle] < c) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == n / 2 || entries[2 * low] != c) return {};
  const uint32_t value = entries[2 * low + 1];
  return {pool + (value >> 8), value & 0xFF};
}

constexpr uint32_t kFirstDecomposed = 0xA0;  // nothing below changes in any form
constexpr uint32_t kFirstMark = 0x300;

}  // namespace

Category category(uint32_t c) {
  if (c < kLatinCategories.size()) return kLatinCategories[c];
  return static_cast<Category>(run_value(measured::kCategories, 5, c));
}

bool is_word_char(uint32_t c) {
  switch (category(c)) {
    case Category::Lu:
    case Category::Ll:
    case Category::Lt:
    case Category::Lm:
    case Category::Lo:
    case Category::Mn:
    case Category::Mc:
    case Category::Me:
    case Category::Nd:
    case Category::Nl:
    case Category::Pc:
      return true;
    case Category::So:  // letters in circles and squares are alphabetic
      return (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) ||
             (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
    default:
      return c == 0x200C || c == 0x200D;
  }
}

bool is_class_word(uint32_t c) { return c != 0x200C && c != 0x200D && is_word_char(c); }

bool is_pattern_word(uint32_t c) {
  return is_class_word(c) || c == 0xB2 || c == 0xB3 || c == 0xB9 || (c >= 0xBC && c <= 0xBE);
}

bool is_numeric(uint32_t c) {
  const Category k = category(c);
  if (k >= Category::Nd && k <= Category::No) return true;
  return std::binary_search(std::begin(measured::kMoreDigits), std::end(measured::kMoreDigits), c);
}

bool is_stripped_mark(uint32_t c) {
  return c >= kFirstMark && run_value(measured::kMarks, 1, c) != 0;
}

uint8_t combining_class(uint32_t c) {
  if (c < kFirstMark) return 0;
  return static_cast<uint8_t>(run_value(measured::kCombining, 8, c));
}

uint32_t lower_case(uint32_t c) { return lower_by_runs(measured::kLowerRuns, c); }

Decomposed decompose(uint32_t c, bool compatible) {
  if (c < kFirstDecomposed) return {};
  if (compatible) {
    const Decomposed d = look_up(measured::kNfkd, measured::kNfkdPool, c);
    if (d.length > 0) return d;
  }
  return look_up(measured::kNfd, measured::kNfdPool, c);
}

uint32_t compose(uint32_t a, uint32_t b) {
  if (a >= 0x1100 && a <= 0x1112 && b >= 0x1161 && b <= 0x1175) {
    return kHangulFirst + ((a - 0x1100) * 21 + (b - 0x1161)) * 28;
  }
  if (a >= kHangulFirst && a <= kHangulLast && (a - kHangulFirst) % 28 == 0 && b > 0x11A7 &&
      b <= 0x11C2) {
    return a + (b - 0x11A7);
  }
  size_t low = 0, high = std::size(measured::kCompositions) / 3;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    const uint32_t* pair = measured::kCompositions + 3 * middle;
    if (pair[0] < a || (pair[0] == a && pair[1] < b)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const uint32_t* pair = measured::kCompositions + 3 * low;
  const bool found = 3 * low < std::size(measured::kCompositions) && pair[0] == a && pair[1] == b;
  return found ? pair[2] : 0;
}

BreakClass break_class(uint32_t c) {
  const uint32_t value = run_value(measured::kBreaks, 5, c);
  return {static_cast<Break>(value & 15), (value & 16) != 0};
}

}  // namespace costeff::text
