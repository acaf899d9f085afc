#include "model/embed.h"

namespace costeff::model {
namespace {

// out [n] += row `row` of t [rows, n], whose values are `values`.
void add_row(const Tensor& t, const float* values, int64_t row, float* out) {
  const int64_t n = t.shape[1];
  const float* from = values + row * n;
  check_finite(t, from, n, row * n);
  for (int64_t j = 0; j < n; ++j) out[j] += from[j];
}

}  // namespace

void embed(const kernels::KernelTable& kernels, const Model& model, const EmbeddingWeights& w,
           const PackedView& view, const int32_t* ids, const int32_t* types, float* x,
           LayerScratch* scratch) {
  const Embeddings& e = model.embeddings;
  const int64_t hidden = model.hidden_size, tokens = view.tokens(), rank = e.word.shape[1];
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
      add_row(e.position, w.position.data(), e.position_offset + t - view.start[b], x + t * hidden);
      if (e.type) add_row(*e.type, w.type.data(), types[t], x + t * hidden);
    }
  }
  kernels.add_layer_norm(x, hidden, nullptr, 0, tokens, hidden, w.norm.weight.data(),
                         w.norm.bias.data(), model.layer_norm_eps);
}

}  // namespace costeff::model
