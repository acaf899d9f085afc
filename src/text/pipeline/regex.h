#pragma once

// The regular expressions of a tokenizer.json's Split and Replace, as Oniguruma matches them. Real
// files hold a few dozen different ones, all of which use this much of the language:
//   characters, . [..] [^..] with ranges, \s \d \w \h \p{L} \p{Lu} ... and their negations,
//   \n \t \r \f \v \a \e \xHH \x{H..} \uHHHH, | ( ) (?: ) (?i: ) (?i) (?> ) (?= ) (?! ),
//   * + ? {n} {n,} {n,m} {,m}, lazy and possessive ones, ^ $ (of a line) \A \z \b \B
// Anything else is refused. The letters of (?i) are folded as in ASCII, with U+017F and U+212A.

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace costeff::text {

// One set of characters: a class, or an escape that stands for one.
struct CharSet {
  struct Item {
    enum class Kind : uint8_t { range, categories, space, word, class_word } kind = Kind::range;
    bool negated = false;
    uint32_t first = 0, last = 0;  // of a range; categories: first is a bit mask of Category
  };
  std::vector<Item> items;
  bool negated = false, fold_case = false;
  std::bitset<128> ascii;  // the answers for ASCII, once complete() was called

  bool contains(uint32_t c) const { return c < 128 ? ascii[c] : looks_like(c); }
  void complete();

 private:
  bool looks_like(uint32_t c) const;
  bool has(uint32_t c) const;
};

class Regex {
 public:
  struct Frame {
    uint32_t op;
    size_t at;
  };
  // Memory that calls reuse, and how many steps the text still has.
  struct Scratch {
    std::vector<Frame> stack;
    uint64_t steps = 0;
  };

  Regex() = default;
  // Throws Error(model), which `place` begins, for what is not supported or not a pattern.
  Regex(std::string_view pattern, const std::string& place);

  // The match that begins at text[at], at <= text.size(): its end, or npos. Throws Error(input)
  // when the scratch's steps are used up: a pattern can take time exponential in the text.
  size_t match(std::string_view text, size_t at, Scratch* scratch) const;

  const std::string& pattern() const { return pattern_; }

 private:
  friend class RegexParser;
  struct Op {
    enum class Kind : uint8_t {
      character,  // x: the code point
      set,        // x: index of the set
      split,      // x first, then y
      jump,       // to x
      line_start,
      line_end,
      text_start,
      text_end,
      word_edge,
      no_word_edge,
      ahead,
      not_ahead,
      atomic,  // a part of its own from the next op on, and it goes on at x
      done
    } kind;
    uint32_t x = 0, y = 0;
  };
  size_t run(std::string_view text, uint32_t op, size_t at, Scratch* scratch) const;

  std::string pattern_;
  std::vector<Op> ops_;
  std::vector<CharSet> sets_;
};

}  // namespace costeff::text
