#include "grad/linear.h"

#include <algorithm>

#include "grad/pack.h"

namespace costeff::grad {
namespace {

using kernels::Product;
using kernels::round_up;

}  // namespace

void reserve_linear(const TrainedWeights& w, const LinearSizes& largest, int64_t threads,
                    bool backward, Reserve* reserve, LinearScratch* scratch) {
  int64_t row_bytes = 0, transposed_bytes = 0, packed_bytes = 0, column_floats = 0;
  const int64_t rows = largest.rows, widest = std::max(largest.out, largest.in);
  for (const kernels::Precision precision : {kernels::Precision::float32, w.precision()}) {
    const Product& p = w.kernels().product(precision);
    if (p.prepare) {
      row_bytes = std::max(row_bytes, rows * p.row_bytes(widest));
      transposed_bytes = std::max(transposed_bytes, largest.out * p.row_bytes(rows));
    }
    packed_bytes = std::max(packed_bytes, round_up(largest.in) * p.column_bytes(rows));
    if (!p.pack_transposed) {
      const int64_t units = (largest.in + w.kernels().panel - 1) / w.kernels().panel;
      column_floats = (units + threads - 1) / threads * w.kernels().panel * rows;
    }
  }
  (*reserve)(&scratch->rows, row_bytes);
  if (!backward) return;
  (*reserve)(&scratch->transposed, largest.out * round_up(rows));
  (*reserve)(&scratch->transposed_rows, transposed_bytes);
  (*reserve)(&scratch->packed, packed_bytes);
  if (reserve->allocates())
    scratch->columns.resize(std::max(scratch->columns.size(), static_cast<size_t>(threads)));
  for (int64_t i = 0; i < threads; ++i) {
    FloatBuffer counted;
    (*reserve)(reserve->allocates() ? &scratch->columns[static_cast<size_t>(i)] : &counted,
               column_floats);
  }
}

void linear_forward(const TrainedWeights& w, const TrainedLinear& l, const Crew& crew,
                    const float* x, int64_t ldx, int64_t m, float* y, int64_t ldy,
                    LinearScratch* scratch) {
  const model::PreparedRows rows = model::prepare_rows(w.kernels(), l.forward.precision, crew, x,
                                                       ldx, m, l.in(), scratch->rows.data());
  model::multiply(w.kernels(), crew, l.forward, rows, m, y, ldy);
  crew.meet();
}

void linear_input_gradient(const TrainedWeights& w, const TrainedLinear& l, const Crew& crew,
                           const float* dy, int64_t ldy, int64_t m, float* dx, int64_t ldx,
                           bool add, LinearScratch* scratch) {
  const Product& p = w.kernels().product(l.backward.precision);
  const model::PreparedRows rows = model::prepare_rows(w.kernels(), l.backward.precision, crew, dy,
                                                       ldy, m, l.out(), scratch->rows.data());
  if (add) {
    const Range c = crew.part(l.in(), w.kernels().panel);
    if (c.count() > 0 && m > 0) {
      p.accumulate(rows.data, rows.row_bytes, m,
                   l.backward.weight + c.begin * p.column_bytes(l.out()), c.count(), l.out(),
                   dx + c.begin, ldx);
    }
  } else {
    model::multiply(w.kernels(), crew, l.backward, rows, m, dx, ldx);
  }
  crew.meet();
}

void linear_weight_gradient(TrainedWeights* w, const TrainedLinear& l, const Crew& crew,
                            const float* dy, int64_t ldy, const float* x, int64_t ldx, int64_t m,
                            LinearScratch* scratch) {
  const kernels::GradTable& grad = w->grad();
  bool any = false;
  for (const TrainedLinear::Part& part : l.parts) {
    float* const bias = w->gradient(part.bias);
    any = any || w->gradient(part.weight);
    if (crew.leads()) {
      if (bias) (*w)[part.bias].reached = true;
      if (w->gradient(part.weight)) (*w)[part.weight].reached = true;
    }
    const Range c = crew.part(part.out, kernels::kLane);
    if (bias && c.count() > 0)
      grad.column_sums(dy + part.begin + c.begin, ldy, nullptr, 0, m, c.count(), bias + c.begin);
  }
  if (!any || m <= 0) return crew.meet();
  const Product& p = w->kernels().product(l.forward.precision);
  // Rows of the product: dy^T.
  const int64_t ld = round_up(m);
  float* transposed = scratch->transposed.data();
  const std::byte* rows = reinterpret_cast<const std::byte*>(transposed);
  int64_t row_bytes = ld * static_cast<int64_t>(sizeof(float));
  if (p.prepare) {
    rows = scratch->transposed_rows.data();
    row_bytes = p.row_bytes(m);
  }
  const Range out = crew.part(l.out(), kernels::kLane);
  if (out.count() > 0) {
    float* mine = transposed + out.begin * ld;
    grad.transpose(dy + out.begin, ldy, m, out.count(), mine, ld);
    if (p.prepare)
      p.prepare(mine, ld, out.count(), m, scratch->transposed_rows.data() + out.begin * row_bytes);
  }
  // Its weights: x^T. Each thread packs the columns that it then multiplies.
  const Range in = crew.part(l.in(), w->kernels().panel);
  pack_columns(p, grad, x, ldx, m, in, scratch->packed.data(),
               scratch->columns[static_cast<size_t>(crew.rank)].data());
  crew.meet();
  for (const TrainedLinear::Part& part : l.parts) {
    float* const weight = w->gradient(part.weight);
    if (weight && in.count() > 0) {
      p.accumulate(rows + part.begin * row_bytes, row_bytes, part.out,
                   scratch->packed.data() + in.begin * p.column_bytes(m), in.count(), m,
                   weight + in.begin, l.in());
    }
  }
  crew.meet();
}

}  // namespace costeff::grad
