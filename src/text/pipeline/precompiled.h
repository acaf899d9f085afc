#pragma once

// The table by which sentencepiece normalises, read as the Rust tokenizers read it: not the longest
// match at each place, but cluster by cluster.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/pipeline/aligned_text.h"

namespace costeff::text {

class Precompiled {
 public:
  Precompiled() = default;
  // The table in base64, as in a tokenizer.json. Throws Error(model); `place` begins the message.
  Precompiled(std::string_view base64, const std::string& place);

  // A grapheme cluster of fewer than 6 bytes is looked up whole: the shortest of its beginnings
  // that has an entry replaces all of it. Other clusters are looked up by code points.
  void apply(AlignedText* text, AlignedText* spare) const;

 private:
  // What replaces `chunk`, by its shortest beginning with an entry.
  std::optional<std::string_view> look_up(std::string_view chunk) const;

  std::vector<uint32_t> units_;  // the double array of spm_charsmap.h
  std::string replacements_;     // NUL-terminated
};

}  // namespace costeff::text
