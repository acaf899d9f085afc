#pragma once

// A text on its way from the input to the model, and where each of its bytes comes from.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/chars/span.h"

namespace costeff::text {

struct AlignedText {
  std::string text;          // UTF-8
  std::vector<Span> source;  // [text] when aligned, else empty: bytes of the text it was made from
  bool aligned = false;
  Span origin;  // an empty span where the text begins, for what comes before its first character

  // Starts with a text as read: each character comes from itself, moved by `offset`.
  void start(std::string_view from, size_t offset, bool align);
};

// Rewrites a text from front to back. What comes from where follows the Rust tokenizers'
// NormalizedString, whose rules are not always the obvious ones: a character that replaces others
// comes from the first of them alone, an inserted one from the last character passed.
class Rewrite {
 public:
  // `spare` lends its memory. The text stays as it was until finish().
  Rewrite(AlignedText* text, AlignedText* spare);

  // Appends c. change 0: instead of the next character of the old text; -n: instead of that and n
  // more; 1: between characters.
  void put(uint32_t c, int64_t change);
  void drop(int64_t characters);  // skips characters of the old text
  // Appends bytes [begin, end) of the old text, whole characters, and continues after them.
  void copy(size_t begin, size_t end);
  void move_to(size_t byte) { at_ = byte; }
  // Appends all of `content`, which comes from the last character passed.
  void insert(std::string_view content);
  // Appends `content` and the character at `begin`, from which all of it comes. Returns the end of
  // that character.
  size_t prepend(std::string_view content, size_t begin);
  size_t size() const { return out_->text.size(); }  // bytes written so far

  void finish();

 private:
  void append(uint32_t c, Span from);

  AlignedText* text_;
  AlignedText* out_;
  size_t at_ = 0;  // in the old text
};

}  // namespace costeff::text
