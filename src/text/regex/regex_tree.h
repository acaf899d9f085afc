#pragma once

// A pattern as a tree: regex_parse.cpp makes it, regex_emit.cpp turns it into steps.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/regex/char_set.h"

namespace costeff::text {

inline constexpr uint32_t kNoRepeatLimit = ~uint32_t{0};

struct RegexNode {
  enum class Kind { character, set, sequence, choice, repeat, look, group, anchor } kind;
  uint32_t x = 0;             // character, index of the set
  uint32_t min = 0, max = 0;  // of repeat
  bool lazy = false, possessive = false;
  char mark = 0;  // anchor: ^ $ A z b B; look: = or !; group: > or 0
  std::vector<RegexNode> parts = {};
};

struct RegexTree {
  RegexNode root;
  std::vector<CharSet> sets;
};

// Throws Error(model) for what is not supported or not a pattern; `place` begins the message.
RegexTree parse_regex(std::string_view pattern, const std::string& place);

// Throws Error(model): the pattern has `what`, which is not supported.
[[noreturn]] void refuse_pattern(std::string_view pattern, std::string_view what,
                                 const std::string& place);

}  // namespace costeff::text
