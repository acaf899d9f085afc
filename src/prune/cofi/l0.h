#pragma once

// CoFi's masks: each is 0 with a probability that is learned (hard concrete distributions, Louizos et al.
// 2018), and what they come to as a share of the weights.
//   s = sigmoid((ln u - ln(1 - u) + a) / b), u uniform;  z = min(1, max(0, 1.2 s - 0.1))
// a ("log alpha") is trained: the larger, the likelier is z = 1.
// Source: princeton-nlp/CoFiPruning, models/l0_module.py.

#include <cstdint>

#include "grad/masks.h"
#include "model/spec.h"

namespace costeff::prune {

using LogAlphas = grad::MaskValues<float>;
using Noise = grad::MaskValues<float>;  // u of each mask

// Where log alphas begin, and what they are kept between after each step: ln 0.01 and ln 100.
inline constexpr float kLowestLogAlpha = -4.6051702f, kHighestLogAlpha = 4.6051702f;
LogAlphas first_log_alphas(const model::Architecture& arch, bool hidden, uint64_t seed);
void clamp_log_alphas(LogAlphas* a);

// The noise of a step: a function of seed, step and place.
void draw_noise(uint64_t seed, uint64_t step, Noise* noise);

grad::Masks sample_masks(const LogAlphas& a, const Noise& noise);
// Adds what the gradients of sampled masks say of the log alphas: nothing where a mask is 0 or 1.
void add_mask_slopes(const LogAlphas& a, const Noise& noise, const grad::MaskGradients& d_masks,
                     grad::MaskGradients* d_a);

// The masks that a model is judged and folded with, without noise: of each layer as many are 0 as is
// expected, those with the smallest log alphas; the others are nearly 1. A sublayer that loses all heads
// or neurons is masked as a whole.
grad::Masks evaluation_masks(const LogAlphas& a);

// What can be pruned, in weights as CoFi counts them: per head and layer 4 H d and the biases, per
// feed-forward 2 H F and 5 H; not embeddings, LayerNorms and exits.
struct PrunableSize {
  explicit PrunableSize(const model::Architecture& arch);
  int64_t hidden, head, neuron;  // H; weights of a head, of a neuron
  int64_t head_weights;          // 4 d H: without biases
  double all = 0;
};

// 1 - (expected size of what stays) / size. Adds its slopes times `by` to d_a, unless that is null.
double expected_sparsity(const PrunableSize& size, const LogAlphas& a, double by,
                         grad::MaskGradients* d_a);
// Of masks that are there: of their zeros.
double sparsity_of(const PrunableSize& size, const grad::Masks& masks);

// Masks of evaluation that are no less sparse than this: all log alphas are lowered by as little as that
// takes. Expectations come near to a target; this meets it.
grad::Masks masks_of_sparsity(const PrunableSize& size, const LogAlphas& a, double sparsity);

}  // namespace costeff::prune
