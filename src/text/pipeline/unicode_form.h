#pragma once

// Unicode's normalisation forms, as the Rust tokenizers compute them: NFC, NFD, NFKC, NFKD of
// Unicode 9.0.

#include <cstdint>
#include <vector>

#include "text/pipeline/aligned_text.h"

namespace costeff::text {

enum class UnicodeForm : uint8_t { nfc, nfd, nfkc, nfkd };

// A code point on its way, and its `change` for Rewrite::put.
struct FormChar {
  uint32_t c;
  int32_t change;
  uint8_t combining;
};
struct FormScratch {
  std::vector<FormChar> pending, blocked;
};

void to_form(UnicodeForm form, AlignedText* text, AlignedText* spare, FormScratch* scratch);

}  // namespace costeff::text
