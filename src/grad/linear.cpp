#include "grad/linear.h"

#include <algorithm>

#include "grad/pack.h"

namespace costeff::grad {
namespace {

using kernels::Product;
using kernels::round_up;

}  // namespace

void LinearScratch::reserve(const TrainedWeights& w, int64_t tokens, int64_t widest_out,
                            int64_t widest_in, int64_t threads) {
  int64_t row_bytes = 0, transposed_bytes = 0, packed_bytes = 0;
  const int64_t widest = std::max(widest_out, widest_in);
  for (const kernels::Precision precision : {kernels::Precision::float32, w.precision()}) {
    const Product& p = w.kernels().product(precision);
    if (p.prepare) {
      row_bytes = std::max(row_bytes, tokens * p.row_bytes(widest));
      transposed_bytes = std::max(transposed_bytes, widest_out * p.row_bytes(tokens));
    }
    packed_bytes = std::max(packed_bytes, round_up(widest_in) * p.column_bytes(tokens));
  }
  rows.reserve(row_bytes);
  transposed.reserve(widest_out * round_up(tokens));
  transposed_rows.reserve(transposed_bytes);
  packed.reserve(packed_bytes);
  columns.resize(std::max(columns.size(), static_cast<size_t>(threads)));
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
  float* const bias = w->gradient(l.bias);
  float* const weight = w->gradient(l.weight);
  const kernels::GradTable& grad = w->grad();
  if (crew.leads()) {
    if (bias) (*w)[l.bias].reached = true;
    if (weight) (*w)[l.weight].reached = true;
  }
  if (bias) {
    const Range c = crew.part(l.out(), kernels::kLane);
    if (c.count() > 0)
      grad.column_sums(dy + c.begin, ldy, nullptr, 0, m, c.count(), bias + c.begin);
  }
  if (!weight || m <= 0) return crew.meet();
  const Product& p = w->kernels().product(l.forward.precision);
  // Rows of the product: dy^T.
  const int64_t ld = round_up(m);
  float* transposed = scratch->transposed.data();
  const void* rows = transposed;
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
               &scratch->columns[static_cast<size_t>(crew.rank)]);
  crew.meet();
  if (in.count() > 0) {
    p.accumulate(rows, row_bytes, l.out(), scratch->packed.data() + in.begin * p.column_bytes(m),
                 in.count(), m, weight + in.begin, l.in());
  }
  crew.meet();
}

}  // namespace costeff::grad
