#include "model/head.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace costeff::model {

void join(const Head& head, int64_t hidden, int64_t sequences, const float* const* states,
          int64_t n, float* joined) {
  if (head.hidden_mode == HiddenMode::concat) {
    for (int64_t b = 0; b < sequences; ++b) {
      for (int64_t s = 0; s < n; ++s) {
        std::memcpy(joined + (b * n + s) * hidden, states[s] + b * hidden,
                    sizeof(float) * static_cast<size_t>(hidden));
      }
    }
    return;
  }
  const float share = 1.0f / static_cast<float>(n);
  for (int64_t i = 0; i < sequences * hidden; ++i) {
    float sum = 0;
    for (int64_t s = 0; s < n; ++s) sum += states[s][i];
    joined[i] = sum * share;
  }
}

void sigmoid(float* x, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    x[i] = static_cast<float>(1 / (1 + std::exp(-static_cast<double>(x[i]))));
}

void pool(Pooling pooling, const PackedView& view, int64_t hidden, const float* x, float* pooled) {
  for (int64_t b = 0; b < view.sequences; ++b, pooled += hidden) {
    const int64_t begin = view.start[b], end = view.start[b + 1];
    std::memcpy(pooled, x + begin * hidden, sizeof(float) * static_cast<size_t>(hidden));
    if (pooling != Pooling::mean) continue;
    int64_t t = begin + 1;
    for (; t + 4 <= end; t += 4) {  // loads and stores the sum once for four tokens
      const float *a = x + t * hidden, *c = a + 2 * hidden;
      for (int64_t j = 0; j < hidden; ++j)
        pooled[j] = pooled[j] + a[j] + a[hidden + j] + c[j] + c[hidden + j];
    }
    for (; t < end; ++t) {
      for (int64_t j = 0; j < hidden; ++j) pooled[j] += x[t * hidden + j];
    }
    const float share = 1.0f / static_cast<float>(end - begin);
    for (int64_t j = 0; j < hidden; ++j) pooled[j] *= share;
  }
}

void run_head(const kernels::KernelTable& kernels, const Head& head, const HeadWeights& w,
              int64_t hidden, int64_t sequences, const float* const* history, int64_t available,
              float* logits, float* uncertain, HeadScratch* scratch, const Crew& crew) {
  const int64_t n = head.last_n_hidden;
  int64_t width = head.hidden_mode == HiddenMode::concat ? n * hidden : hidden;
  if (crew.leads()) {
    float* joined = scratch->joined.reserve(kernels::round_up(sequences * n * hidden));
    join(head, hidden, sequences, history + available - n, n, joined);
    if (w.pooler) {
      scratch->pooled.reserve(kernels::round_up(sequences * w.pooler->out));
      scratch->rows.reserve(prepared_bytes(kernels, w.pooler->precision, sequences, width));
    }
  }
  crew.meet();
  float* v = scratch->joined.data();
  if (w.pooler) {
    const PreparedRows rows = prepare_rows(kernels, w.pooler->precision, crew, v, width, sequences,
                                           width, scratch->rows.data());
    v = scratch->pooled.data();
    multiply(kernels, crew, *w.pooler, rows, sequences, v, w.pooler->out);
    crew.meet();
    width = w.pooler->out;
  }
  if (crew.leads()) {
    if (head.activation != Activation::none)
      kernels.activate(head.activation, v, sequences * width);
    const auto apply = [&](const PackedLinear& l, float* y) {
      apply_linear(kernels, l, v, width, sequences, y, l.out, &scratch->rows);
    };
    apply(w.classifier, logits);
    if (w.lte) apply(*w.lte, uncertain);
    if (w.lte) sigmoid(uncertain, sequences);
  }
  crew.meet();
}

void run_token_head(const kernels::KernelTable& kernels, const HeadWeights& w, int64_t hidden,
                    int64_t tokens, const float* x, float* logits, HeadScratch* scratch) {
  apply_linear(kernels, w.classifier, x, hidden, tokens, logits, w.classifier.out, &scratch->rows);
}

}  // namespace costeff::model
