#pragma once

#include <cstdint>

namespace costeff::text {

// Bytes [begin, end) of the source text that something comes from.
struct Span {
  int32_t begin = 0, end = 0;
};

}  // namespace costeff::text
