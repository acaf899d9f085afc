#pragma once

#include <cstdint>
#include <vector>

#include "text/chars/span.h"

namespace costeff::text {

// One sequence: [CLS] a [SEP] or [CLS] a [SEP] b [SEP]. Reused between calls, so that nothing is
// allocated once it has grown.
struct Encoding {
  std::vector<int32_t> ids;
  std::vector<int32_t> type_ids;  // [ids]
  std::vector<Span> spans;    // [ids] if EncodeOptions::offsets, else empty; special tokens: 0, 0
  std::vector<int8_t> sides;  // with spans: 0 token of a, 1 of b, -1 special
  bool bad_utf8 = false;      // some bytes were not UTF-8 and were read as U+FFFD
  bool truncated = false;
};

}  // namespace costeff::text
