#include "model/head.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace costeff::model {
namespace {

// joined [B, n H] (concat, oldest first) or [B, H] (average) of n pooled states. Returns its width.
int64_t join(const Head& head, int64_t hidden, int64_t sequences, const float* const* states,
             int64_t n, float* joined) {
  if (head.hidden_mode == HiddenMode::concat) {
    for (int64_t b = 0; b < sequences; ++b) {
      for (int64_t s = 0; s < n; ++s) {
        std::memcpy(joined + (b * n + s) * hidden, states[s] + b * hidden,
                    sizeof(float) * static_cast<size_t>(hidden));
      }
    }
    return n * hidden;
  }
  const float share = 1.0f / static_cast<float>(n);
  for (int64_t i = 0; i < sequences * hidden; ++i) {
    float sum = 0;
    for (int64_t s = 0; s < n; ++s) sum += states[s][i];
    joined[i] = sum * share;
  }
  return hidden;
}

}  // namespace

void pool(Pooling pooling, const PackedView& view, int64_t hidden, const float* x, float* pooled) {
  for (int64_t b = 0; b < view.sequences; ++b, pooled += hidden) {
    const int64_t begin = view.start[b], end = view.start[b + 1];
    std::memcpy(pooled, x + begin * hidden, sizeof(float) * static_cast<size_t>(hidden));
    if (pooling != Pooling::mean) continue;
    for (int64_t t = begin + 1; t < end; ++t) {
      for (int64_t j = 0; j < hidden; ++j) pooled[j] += x[t * hidden + j];
    }
    const float share = 1.0f / static_cast<float>(end - begin);
    for (int64_t j = 0; j < hidden; ++j) pooled[j] *= share;
  }
}

void run_head(const kernels::KernelTable& kernels, const Head& head, const HeadWeights& w,
              int64_t hidden, int64_t sequences, const float* const* history, int64_t available,
              float* logits, float* uncertain, HeadScratch* scratch) {
  const int64_t n = head.last_n_hidden;
  float* joined = scratch->joined.reserve(kernels::round_up(sequences * n * hidden));
  int64_t width = join(head, hidden, sequences, history + available - n, n, joined);
  float* v = joined;
  if (w.pooler) {
    v = scratch->pooled.reserve(kernels::round_up(sequences * w.pooler.out));
    kernels.linear(joined, width, sequences, w.pooler.weight.data(), w.pooler.bias.data(),
                   w.pooler.out, w.pooler.in, Activation::none, v, w.pooler.out);
    width = w.pooler.out;
  }
  if (head.activation != Activation::none) kernels.activate(head.activation, v, sequences * width);
  kernels.linear(v, width, sequences, w.classifier.weight.data(), w.classifier.bias.data(),
                 w.classifier.out, w.classifier.in, Activation::none, logits, w.classifier.out);
  if (!w.lte) return;
  kernels.linear(v, width, sequences, w.lte.weight.data(), w.lte.bias.data(), 1, w.lte.in,
                 Activation::none, uncertain, 1);
  for (int64_t b = 0; b < sequences; ++b) {
    uncertain[b] = static_cast<float>(1 / (1 + std::exp(-static_cast<double>(uncertain[b]))));
  }
}

void run_token_head(const kernels::KernelTable& kernels, const HeadWeights& w, int64_t hidden,
                    int64_t tokens, const float* x, float* logits) {
  kernels.linear(x, hidden, tokens, w.classifier.weight.data(), w.classifier.bias.data(),
                 w.classifier.out, w.classifier.in, Activation::none, logits, w.classifier.out);
}

}  // namespace costeff::model
