#include "model/product.h"

namespace costeff::model {

int64_t prepared_bytes(const kernels::KernelTable& kernels, kernels::Precision precision, int64_t m,
                       int64_t k) {
  const kernels::Product& p = kernels.product(precision);
  return p.prepare ? m * p.row_bytes(k) : 0;
}

PreparedRows prepare_rows(const kernels::KernelTable& kernels, kernels::Precision precision,
                          const Crew& crew, const float* x, int64_t ldx, int64_t m, int64_t k,
                          std::byte* buffer) {
  const kernels::Product& p = kernels.product(precision);
  if (!p.prepare) return {x, ldx * static_cast<int64_t>(sizeof(float))};
  const int64_t row_bytes = p.row_bytes(k);
  const Range rows = crew.part(m);
  if (rows.count() > 0) {
    p.prepare(x + rows.begin * ldx, ldx, rows.count(), k, buffer + rows.begin * row_bytes);
  }
  crew.meet();
  return {buffer, row_bytes};
}

void multiply(const kernels::KernelTable& kernels, const Crew& crew, const PackedLinear& l,
              const PreparedRows& x, int64_t m, kernels::Activation f, float* y, int64_t ldy) {
  const kernels::Product& p = kernels.product(l.precision);
  const Range columns = crew.part(l.out, kernels.panel);
  if (columns.count() <= 0 || m <= 0) return;
  p.multiply(x.data, x.row_bytes, m, l.weight.data() + columns.begin * p.column_bytes(l.in),
             l.bias.data() + columns.begin, columns.count(), l.in, f, y + columns.begin, ldy);
}

void apply_linear(const kernels::KernelTable& kernels, const PackedLinear& l, const float* x,
                  int64_t ldx, int64_t m, kernels::Activation f, float* y, int64_t ldy,
                  ByteBuffer* rows) {
  std::byte* buffer = rows->reserve(prepared_bytes(kernels, l.precision, m, l.in));
  multiply(kernels, {}, l, prepare_rows(kernels, l.precision, {}, x, ldx, m, l.in, buffer), m, f, y,
           ldy);
}

}  // namespace costeff::model
