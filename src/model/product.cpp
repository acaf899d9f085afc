#include "model/product.h"

#include <algorithm>

namespace costeff::model {
namespace {

// So many floats stay in the first-level cache beside everything else in use.
constexpr int64_t kNearFloats = 6144;

// In products of at least kSharedRows rows, one part in kSharedPart belongs to no thread: those that
// finish their own part first do it piece by piece, as cores that also run other work are slower.
constexpr int64_t kSharedRows = 48, kSharedPart = 4;

}  // namespace

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

PreparedRows activate_rows(const kernels::KernelTable& kernels, kernels::Precision precision,
                           const Crew& crew, kernels::Activation f, float* x, int64_t ldx,
                           int64_t m, int64_t k, std::byte* buffer) {
  const kernels::Product& p = kernels.product(precision);
  const int64_t row_bytes = p.prepare ? p.row_bytes(k) : 0;
  const Range rows = crew.part(m);
  const int64_t near = std::max<int64_t>(1, kNearFloats / k);
  for (int64_t first = rows.begin; first < rows.end; first += near) {
    const int64_t count = std::min(near, rows.end - first);
    for (int64_t r = first; r < first + count; ++r) kernels.activate(f, x + r * ldx, k);
    if (p.prepare) p.prepare(x + first * ldx, ldx, count, k, buffer + first * row_bytes);
  }
  crew.meet();
  if (!p.prepare) return {x, ldx * static_cast<int64_t>(sizeof(float))};
  return {buffer, row_bytes};
}

void multiply(const kernels::KernelTable& kernels, const Crew& crew, const PackedLinear& l,
              const PreparedRows& x, int64_t m, float* y, int64_t ldy, int64_t ticket) {
  if (m <= 0) return;
  const kernels::Product& p = kernels.product(l.precision);
  const auto columns = [&](Range c) {
    if (c.count() <= 0) return;
    p.multiply(x.data, x.row_bytes, m, l.weight + c.begin * p.column_bytes(l.in),
               l.bias.data() + c.begin, c.count(), l.in, y + c.begin, ldy);
  };
  const int64_t panels = (l.out + kernels.panel - 1) / kernels.panel;
  const int64_t left = m < kSharedRows ? 0 : panels / kSharedPart;
  if (crew.size == 1 || left == 0) return columns(crew.part(l.out, kernels.panel));
  const int64_t fixed = (panels - left) * kernels.panel;
  const int64_t piece = (left + 2 * crew.size - 1) / (2 * crew.size) * kernels.panel;
  columns(crew.part(fixed, kernels.panel));
  while (true) {
    const int64_t begin = fixed + crew.ticket(ticket) * piece;
    if (begin >= l.out) return;
    columns({begin, std::min(begin + piece, l.out)});
  }
}

void apply_packed(const kernels::Product& p, const float* x, int64_t ldx, int64_t m,
                  const std::byte* packed, const float* bias, int64_t n, int64_t k, float* y,
                  int64_t ldy, std::byte* prepared) {
  if (m <= 0) return;
  const void* rows = x;
  int64_t row_bytes = ldx * static_cast<int64_t>(sizeof(float));
  if (p.prepare) {
    p.prepare(x, ldx, m, k, prepared);
    rows = prepared;
    row_bytes = p.row_bytes(k);
  }
  p.multiply(rows, row_bytes, m, packed, bias, n, k, y, ldy);
}

void apply_linear(const kernels::KernelTable& kernels, const PackedLinear& l, const float* x,
                  int64_t ldx, int64_t m, float* y, int64_t ldy, ByteBuffer* rows) {
  std::byte* prepared = rows->reserve(prepared_bytes(kernels, l.precision, m, l.in));
  apply_packed(kernels.product(l.precision), x, ldx, m, l.weight, l.bias.data(), l.out, l.in, y,
               ldy, prepared);
}

}  // namespace costeff::model
