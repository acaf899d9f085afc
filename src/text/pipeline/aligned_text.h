#pragma once

// A text on its way from what was read to what the model gets, and where each of its bytes comes
// from.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace costeff::text {

struct AlignedText {
  std::string text;          // UTF-8
  std::vector<Span> source;  // [text] when aligned, else empty: bytes of the text it was made from
  bool aligned = false;
  Span origin;  // an empty span where the text begins: of what stands before all characters

  // The text as it is read; each character comes from itself, moved by `offset`.
  void start(std::string_view from, size_t offset, bool align);
};

// Writes a text anew from front to back. What comes from where follows the Rust tokenizers'
// NormalizedString, whose rules are not always the obvious ones: a character that replaces others
// comes from the first of them alone, one that is inserted from the last one passed.
class Rewrite {
 public:
  // `spare` lends its memory. Until finish() the text reads as it was.
  Rewrite(AlignedText* text, AlignedText* spare);

  // Appends c. change 0: in the place of the next character of the old text. -n: and n more
  // characters of it go. 1: between characters.
  void put(uint32_t c, int64_t change);
  void drop(int64_t characters);  // passes characters of the old text by
  // Appends bytes [begin, end) of the old text, whole characters, and goes on after them.
  void copy(size_t begin, size_t end);
  void move_to(size_t byte) { at_ = byte; }
  // Appends all of `content`, which stands for the bytes of the old text passed last.
  void insert(std::string_view content);
  // Appends `content` and the character that begins at `begin`, where all of it comes from. Returns
  // where that character ends.
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
