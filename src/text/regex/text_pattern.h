#pragma once

// What Split and Replace look for: a string or a regular expression.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "text/regex/regex.h"

namespace costeff::text {

// A part of a text: a match, or the text between two. Parts tile the text.
struct PatternPart {
  size_t begin, end;
  bool found;
};

struct TextPattern {
  bool is_regex = false;
  std::string literal;  // "" is found before each character and at the end, as an empty regex is
  Regex regex;

  // Replaces *parts. Matches are leftmost and do not overlap; an empty one right after another does
  // not count.
  void find(std::string_view text, Regex::Scratch* scratch, std::vector<PatternPart>* parts) const;
};

// The steps that a pattern may take over a text of this size: plenty for a sane one.
uint64_t pattern_steps(size_t bytes);

}  // namespace costeff::text
