#pragma once

// The three products of a map y = x W^T + b. All threads of a crew call these; they have met when a
// function returns, unless it says otherwise.

#include <cstdint>

#include "grad/reserve.h"
#include "grad/weights.h"

namespace costeff::grad {

// Memory of a crew's products.
struct LinearScratch {
  ByteBuffer rows;         // prepared rows of x or dy
  FloatBuffer transposed;  // dy^T [out, T]
  ByteBuffer transposed_rows, packed;
  std::vector<FloatBuffer> columns;  // each thread's x^T, for formats that pack no transpose
};

// The largest product of a step.
struct LinearSizes {
  int64_t rows = 0, out = 0, in = 0;
};
// Called by the leader alone, before the other threads proceed. backward: for all three products.
void reserve_linear(const TrainedWeights& w, const LinearSizes& largest, int64_t threads,
                    bool backward, Reserve* reserve, LinearScratch* scratch);

// y [m, out] = x W^T + b.
void linear_forward(const TrainedWeights& w, const TrainedLinear& l, const Crew& crew,
                    const float* x, int64_t ldx, int64_t m, float* y, int64_t ldy,
                    LinearScratch* scratch);

// dx [m, in] = dy W, or with `add` dx += dy W.
void linear_input_gradient(const TrainedWeights& w, const TrainedLinear& l, const Crew& crew,
                           const float* dy, int64_t ldy, int64_t m, float* dx, int64_t ldx,
                           bool add, LinearScratch* scratch);

// The gradients of W += dy^T x and of b += the column sums of dy; those of frozen ones are left out.
void linear_weight_gradient(TrainedWeights* w, const TrainedLinear& l, const Crew& crew,
                            const float* dy, int64_t ldy, const float* x, int64_t ldx, int64_t m,
                            LinearScratch* scratch);

}  // namespace costeff::grad
