#pragma once

// Packing the transpose of a matrix.

#include <cstddef>
#include <cstdint>

#include "base/aligned.h"
#include "base/threads/crew.h"
#include "kernels/grad_table.h"

namespace costeff::grad {

// Columns [c.begin, c.end) of w [k, ..], ld floats apart, as weights [c.count(), k] -> packed, where
// column 0 would begin. columns: a thread's memory, for formats that pack no transpose.
void pack_columns(const kernels::Product& p, const kernels::GradTable& grad, const float* w,
                  int64_t ld, int64_t k, Range c, std::byte* packed, FloatBuffer* columns);

}  // namespace costeff::grad
