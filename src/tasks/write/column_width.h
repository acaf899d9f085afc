#pragma once

// How wide a character is on a terminal.

#include <cstdint>

namespace costeff::tasks {

// Columns that the code point takes: 2 for wide ones (CJK, emoji), 0 for combining marks, 1 for
// all others, for those of ambiguous width and for those not assigned yet too. Control characters
// are not for it: what they do is not a matter of width.
int64_t column_width(uint32_t code_point);

}  // namespace costeff::tasks
