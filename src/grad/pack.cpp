#include "grad/pack.h"

namespace costeff::grad {

void pack_columns(const kernels::Product& p, const kernels::GradTable& grad, const float* w,
                  int64_t ld, int64_t k, Range c, std::byte* packed, FloatBuffer* columns) {
  if (c.count() <= 0) return;
  std::byte* to = packed + c.begin * p.column_bytes(k);
  if (p.pack_transposed) return p.pack_transposed(w + c.begin, ld, c.count(), k, to);
  float* rows = columns->reserve(c.count() * k);
  grad.transpose(w + c.begin, ld, k, c.count(), rows, k);
  p.pack(rows, k, c.count(), k, to);
}

}  // namespace costeff::grad
