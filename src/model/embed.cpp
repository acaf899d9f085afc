#include "model/embed.h"

#include <costeff/error.h>

#include <string>

namespace costeff::model {
namespace {

// Rows of the word table lie anywhere in memory: one is asked for this many tokens ahead of its
// use.
constexpr int64_t kFetchAhead = 4;

void fetch_row(const Tensor& t, int64_t row) {
  const int64_t bytes = t.shape[1] * static_cast<int64_t>(dtype_size(t.dtype));
  const std::byte* p = t.data + row * bytes;
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(p + i);
}

// Row `row` of t [rows, n] in float32 -> out [n], all of it finite.
void check_row(const Tensor& t, int64_t row, float* out) {
  const int64_t n = t.shape[1];
  to_float32(t, row * n, n, out);
  check_finite(t, out, n, row * n);
}

void add_row(const float* row, int64_t n, float* out) {
  for (int64_t j = 0; j < n; ++j) out[j] += row[j];
}

}  // namespace

void embed(const kernels::KernelTable& kernels, const Model& model, const EmbeddingWeights& w,
           const PackedView& view, const int32_t* ids, const int32_t* types, float* x,
           LayerScratch* scratch) {
  const Embeddings& e = model.embeddings;
  const int64_t hidden = model.hidden_size, tokens = view.tokens(), rank = e.word.shape[1];
  float* gathered = w.word_up ? scratch->hidden.reserve(tokens * rank) : x;
  for (int64_t t = 0; t < tokens; ++t) {
    if (t + kFetchAhead < tokens) fetch_row(e.word, ids[t + kFetchAhead]);
    to_float32(e.word, ids[t] * rank, rank, gathered + t * rank);
  }
  if (w.word_up) {
    for (int64_t t = 0; t < tokens; ++t)
      check_finite(e.word, gathered + t * rank, rank, ids[t] * rank);
    apply_linear(kernels, w.word_up, gathered, rank, tokens, x, hidden, &scratch->rows);
  }
  for (int64_t b = 0; b < view.sequences; ++b) {
    for (int64_t t = view.start[b]; t < view.start[b + 1]; ++t) {
      const int64_t position = e.position_offset + t - view.start[b];
      float* to = x + t * hidden;
      add_row(w.position.data() + position * hidden, hidden, to);
      if (e.type) add_row(w.type.data() + types[t] * hidden, hidden, to);
      if (all_finite(to, hidden)) continue;
      // Which of the rows is not?
      if (!w.word_up) check_row(e.word, ids[t], to);
      check_row(e.position, position, to);
      if (e.type) check_row(*e.type, types[t], to);
      throw_model(tensor_place(e.word) + "row " + std::to_string(ids[t]) +
                  " and its position's, row " + std::to_string(position) + " of " +
                  e.position.name + ", add up to what is not finite, expected finite numbers");
    }
  }
  kernels.add_layer_norm(x, hidden, nullptr, 0, tokens, hidden, w.norm.weight.data(),
                         w.norm.bias.data(), model.layer_norm_eps);
}

}  // namespace costeff::model
