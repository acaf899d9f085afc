#pragma once

// What training needs besides the products of kernel_table.h: gradients of the row functions,
// dropout, sums and the optimiser's step. One table per instruction set, as there. Nothing here
// allocates, throws or starts threads. Matrices are row-major float32; ld* is the distance between
// rows in floats.
//
// Results do not depend on how callers divide rows or columns: sums over rows go in the order of the
// rows, and go on from what is there.

#include <cstdint>

#include "kernels/kernel_table.h"

namespace costeff::kernels {

// One step of AdamW on an element:
//   g = gradient_scale gradient;  m = beta1 m + rest1 g;  v = beta2 v + rest2 g^2
//   p = p before;  p = p - step m / (root_scale sqrt(v) + eps);  p = p after
// The variants differ in `step`, `root_scale`, `before` and `after` (optim/adamw.h).
struct AdamStep {
  float beta1, rest1, beta2, rest2, eps;  // rest: 1 - beta, which float would round
  float step, root_scale, before, after, gradient_scale;
};

// Where a row of dropout is, in all of a training run. Each element's fate depends on these and its
// place in the row, so that nothing is stored: the backward pass draws it again.
struct DropoutRow {
  uint64_t key;        // of seed and step
  uint32_t site;       // which dropout of the model
  uint32_t row_id;     // of the text in the data
  uint32_t position;   // of the token in its text
  uint32_t threshold;  // an element is dropped with probability threshold / 65536
  float scale;         // of those that are kept: 1 / (1 - that probability)
};

struct GradTable {
  // s = x + y of each row of [m, h], y null: x; normed = (s - mean) / sigma;
  // out = normed weight + bias; inverse [m] = 1 / sigma. out may be x or y.
  void (*layer_norm)(const float* x, int64_t ldx, const float* y, int64_t ldy, int64_t m, int64_t h,
                     const float* weight, const float* bias, float eps, float* normed,
                     float* inverse, float* out, int64_t ldo);
  // dx = the gradient of x for that of LayerNorm's result, dy. dx may be dy.
  void (*layer_norm_backward)(const float* dy, int64_t ldd, const float* normed, int64_t ldn,
                              const float* inverse, int64_t m, int64_t h, const float* weight,
                              float* dx, int64_t ldx);
  // LayerNorm's result again: out [m, h] = normed weight + bias.
  void (*scale_and_shift)(const float* normed, int64_t ldn, int64_t m, int64_t h,
                          const float* weight, const float* bias, float* out, int64_t ldo);
  // sums [n] += each column's sum of a [m, n] (b null) or of a b.
  void (*column_sums)(const float* a, int64_t lda, const float* b, int64_t ldb, int64_t m,
                      int64_t n, float* sums);
  // dp [m, n], the gradient of p = softmax(scale s), becomes that of s; from n to the next multiple
  // of kLane 0 is written.
  void (*softmax_backward)(const float* p, float* dp, int64_t ld, int64_t m, int64_t n,
                           float scale);
  // dy *= f'(x), for `count` elements.
  void (*activate_backward)(Activation f, const float* x, float* dy, int64_t count);
  // y [n, m] = x [m, n] transposed.
  void (*transpose)(const float* x, int64_t ldx, int64_t m, int64_t n, float* y, int64_t ldy);
  // y = scale x
  void (*scale)(const float* x, float scale, int64_t count, float* y);
  // y += scale x
  void (*add_scaled)(const float* x, float scale, int64_t count, float* y);
  // The sum of squares in double, in a fixed order.
  double (*squares)(const float* x, int64_t count);
  // Element i of x [n] is dropped, or scaled.
  void (*dropout)(float* x, int64_t n, const DropoutRow& row);
  // p, m, v [count] after a step with `gradient`.
  void (*adam)(const AdamStep& step, const float* gradient, int64_t count, float* p, float* m,
               float* v);
};

// Plain C++ in double, which the other tables are tested against. Its sums are rounded between calls:
// going on with them is not the same bits as the whole at once.
extern const GradTable kReferenceGrad;
// Plain C++, any CPU.
extern const GradTable kPortableGrad;
#ifdef COSTEFF_X86_64
extern const GradTable kAvx2Grad;
extern const GradTable kAvx512Grad;
#endif
#ifdef COSTEFF_AARCH64
extern const GradTable kNeonGrad;
#endif

// The one that goes with a table.
const GradTable& grad_table(const KernelTable& kernels);

}  // namespace costeff::kernels
