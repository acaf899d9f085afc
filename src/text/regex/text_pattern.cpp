#include "text/regex/text_pattern.h"

#include "base/utf8.h"

namespace costeff::text {

uint64_t pattern_steps(size_t bytes) { return 1'000'000 + uint64_t{500} * bytes; }

void TextPattern::find(std::string_view text, Regex::Scratch* scratch,
                       std::vector<PatternPart>* parts) const {
  parts->clear();
  constexpr size_t kNone = std::string_view::npos;
  size_t done = 0, last_end = kNone;
  const auto add = [&](size_t begin, size_t end) {
    if (done != begin) parts->push_back({done, begin, false});
    parts->push_back({begin, end, true});
    done = last_end = end;
  };
  const auto next = [&](size_t at) {
    bool bad = false;
    if (at < text.size()) {
      next_code_point(text, &at, &bad);
      return at;
    }
    return at + 1;
  };
  if (!is_regex && !literal.empty()) {
    for (size_t at = 0; (at = text.find(literal, at)) != kNone; at += literal.size()) {
      add(at, at + literal.size());
    }
  } else {
    for (size_t at = 0; at <= text.size();) {
      const size_t end = is_regex ? regex.match(text, at, scratch) : at;
      if (end == kNone || (end == at && last_end == at)) {
        at = next(at);
        continue;
      }
      add(at, end);
      at = end;
    }
  }
  if (done != text.size()) parts->push_back({done, text.size(), false});
}

}  // namespace costeff::text
