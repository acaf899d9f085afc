#pragma once

// One set of characters of a regular expression.

#include <bitset>
#include <cstdint>
#include <vector>

namespace costeff::text {

// A class in brackets, or an escape that stands for one.
struct CharSet {
  struct Item {
    enum class Kind : uint8_t { range, categories, space, word, class_word } kind = Kind::range;
    bool negated = false;
    uint32_t first = 0, last = 0;  // of a range; categories: first is a bit mask of Category
  };
  std::vector<Item> items;
  bool negated = false, fold_case = false;
  std::bitset<128> ascii;  // the answers for ASCII, after complete()

  bool contains(uint32_t c) const { return c < 128 ? ascii[c] : look_up(c); }
  void complete();

 private:
  bool look_up(uint32_t c) const;
  bool has(uint32_t c) const;
};

}  // namespace costeff::text
