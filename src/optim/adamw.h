#pragma once

// AdamW over spans of floats, in the variants that the references use, and what goes with it.

#include <cstdint>
#include <span>

#include "base/threads/crew.h"
#include "kernels/grad_table.h"

namespace costeff::optim {

// m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  t = 1, 2, ..
enum class Variant {
  // transformers' AdamW (COST-EFF, DeeBERT, BERxiT, PABEE):
  //   p -= lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps);  then p -= lr decay p
  hugging_face,
  // torch's (CoFi):
  //   p -= lr decay p;  then p -= lr m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps)
  torch,
};

struct AdamW {
  Variant variant = Variant::hugging_face;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  bool correct_bias = true;
};

// What the kernels take for step t, from 1, of a parameter. gradient_scale: of clipping.
kernels::AdamStep adam_step(const AdamW& adam, int64_t t, double learning_rate, double decay,
                            double gradient_scale);

// The learning rate's factor at step t, from 0: rises over `warmup` steps and falls to 0 at `total`
// (get_linear_schedule_with_warmup).
double linear_schedule(int64_t t, int64_t warmup, int64_t total);

// What gradients are multiplied by so that their norm is at most `most`: min(1, most / (norm +
// 1e-6)), as torch clips.
double clip_factor(double norm, double most);

// The sum of squares of many spans, in an order that does not depend on the number of threads: each
// chunk of kSquaresChunk elements has one sum. chunks: room for squares_chunks() of all spans, shared
// by the crew, which has met when this returns.
inline constexpr int64_t kSquaresChunk = 1 << 16;
int64_t squares_chunks(int64_t count);
double sum_of_squares(const kernels::GradTable& grad, std::span<const std::span<const float>> spans,
                      const Crew& crew, double* chunks);

}  // namespace costeff::optim
