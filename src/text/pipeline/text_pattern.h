#pragma once

// What Split and Replace look for: a string or a regular expression.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "text/pipeline/regex.h"

namespace costeff::text {

// A part of a text, between or of the places that were looked for. Parts tile the text.
struct PatternPart {
  size_t begin, end;
  bool found;
};

struct TextPattern {
  bool is_regex = false;
  std::string literal;  // "" is found before each character and at the end, as an empty regex is
  Regex regex;

  // Replaces *parts. Leftmost, not overlapping; an empty find right after another one is none.
  void find(std::string_view text, Regex::Scratch* scratch, std::vector<PatternPart>* parts) const;
};

// The steps that a pattern may take over a text of so many bytes: plenty for a sane one.
uint64_t pattern_steps(size_t bytes);

}  // namespace costeff::text
