#pragma once

// The regular expressions of a tokenizer.json's Split and Replace, as Oniguruma matches them. Real
// files hold a few dozen different ones, all of which use this much of the language:
//   characters, . [..] [^..] with ranges, \s \d \w \h \p{L} \p{Lu} ... and their negations,
//   \n \t \r \f \v \a \e \xHH \x{H..} \uHHHH, | ( ) (?: ) (?i: ) (?i) (?> ) (?= ) (?! ),
//   * + ? {n} {n,} {n,m} {,m}, lazy and possessive ones, ^ $ (of a line) \A \z \b \B
// Anything else is refused. (?i) folds ASCII letters, with U+017F and U+212A.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/regex/char_set.h"

namespace costeff::text {

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
  // Throws Error(model) for what is not supported or not a pattern; `place` begins the message.
  Regex(std::string_view pattern, const std::string& place);

  // The end of the match that begins at text[at], at <= text.size(); npos: there is none. Throws
  // Error(input) when the scratch's steps are used up: a pattern can take time exponential in the
  // text.
  size_t match(std::string_view text, size_t at, Scratch* scratch) const;

  const std::string& pattern() const { return pattern_; }

 private:
  friend class RegexEmitter;
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
      // These three run the ops from the next one to its `done` on their own, and continue at x.
      ahead,
      not_ahead,
      atomic,
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
