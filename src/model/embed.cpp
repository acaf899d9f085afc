#include "model/embed.h"

#include <algorithm>

namespace costeff::model {
namespace {

// out [n] += row `row` of t [rows, n]
void add_row(const Tensor& t, int64_t row, float* scratch, float* out) {
  const int64_t n = t.shape[1];
  to_float32(t, row * n, n, scratch);
  check_finite(t, scratch, n, row * n);
  for (int64_t j = 0; j < n; ++j) out[j] += scratch[j];
}

}  // namespace

void embed(const kernels::KernelTable& kernels, const Model& model, const EmbeddingWeights& w,
           const PackedView& view, const int32_t* ids, const int32_t* types, float* x,
           LayerScratch* scratch) {
  const Embeddings& e = model.embeddings;
  const int64_t hidden = model.hidden_size, tokens = view.tokens(), rank = e.word.shape[1];
  float* row = scratch->projected.reserve(std::max(hidden, rank));
  float* gathered = w.word_up ? scratch->hidden.reserve(tokens * rank) : x;
  for (int64_t t = 0; t < tokens; ++t) {
    float* to = gathered + t * rank;
    to_float32(e.word, ids[t] * rank, rank, to);
    check_finite(e.word, to, rank, ids[t] * rank);
  }
  if (w.word_up) {
    apply_linear(kernels, w.word_up, gathered, rank, tokens, Activation::none, x, hidden,
                 &scratch->rows);
  }
  for (int64_t b = 0; b < view.sequences; ++b) {
    for (int64_t t = view.start[b]; t < view.start[b + 1]; ++t) {
      add_row(e.position, e.position_offset + t - view.start[b], row, x + t * hidden);
      if (e.type) add_row(*e.type, types[t], row, x + t * hidden);
    }
  }
  kernels.add_layer_norm(x, hidden, nullptr, 0, tokens, hidden, w.norm.weight.data(),
                         w.norm.bias.data(), model.layer_norm_eps);
}

}  // namespace costeff::model
