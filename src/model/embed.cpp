#include "model/embed.h"

#include <cmath>
#include <string>

#include "base/fail.h"

namespace costeff::model {
namespace {

// Rows of the word table are anywhere in memory, so each is prefetched this many tokens before its use.
constexpr int64_t kFetchAhead = 4;

void fetch_row(const Tensor& t, int64_t row) {
  const int64_t bytes = t.shape[1] * static_cast<int64_t>(dtype_size(t.dtype));
  const std::byte* p = t.data + row * bytes;
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(p + i);
}

// Reads row `row` of t [rows, n] as float32 to out [n]. Throws unless all of it is finite.
void check_row(const Tensor& t, int64_t row, float* out) {
  const int64_t n = t.shape[1];
  to_float32(t, row * n, n, out);
  check_finite(t, out, n, row * n);
}

}  // namespace

void embed(const kernels::KernelTable& kernels, const Model& model, const EmbeddingWeights& w,
           const PackedView& view, const int32_t* ids, const int32_t* types, float* x,
           LayerScratch* scratch) {
  const Embeddings& e = model.arch.embeddings;
  const Tensor& word = model.parameters.tensor(e.word);
  const bool typed = e.type != kNone;
  const int64_t size = model.arch.embedding_size(), tokens = view.tokens(), rank = word.shape[1];
  float* const out = x;  // [T, H]
  if (w.map) x = scratch->context.reserve(tokens * size);
  float* const gathered = w.word_up ? scratch->hidden.reserve(tokens * rank) : x;
  for (int64_t t = 0; t < tokens; ++t) {
    if (t + kFetchAhead < tokens) fetch_row(word, ids[t + kFetchAhead]);
    float* to = gathered + t * rank;
    to_float32(word, ids[t] * rank, rank, to);
    if (w.word_up) check_finite(word, to, rank, ids[t] * rank);
  }
  if (w.word_up) apply_linear(kernels, w.word_up, gathered, rank, tokens, x, size, &scratch->rows);
  const auto is_pad = [&](int64_t t) { return ids[t] == e.pad_token(); };
  for (int64_t b = 0; b < view.sequences; ++b) {
    const int64_t end = view.start[b + 1];
    int64_t counted = e.position_offset - e.first_position();  // the next place in the count
    for (int64_t t = view.start[b], next = t; t < end; t = next) {
      const bool pad = is_pad(t);
      const int64_t place = pad ? 0 : counted;
      const int32_t type = typed ? types[t] : 0;
      const float* added = w.place(place, type);
      ++next;
      if (!added) {
        added = add_place(model, place, type, scratch->hidden.reserve(2 * size));
      } else if (!pad) {  // neighbours of one type have neighbouring rows to add
        while (next < end && !is_pad(next) && (!typed || types[next] == type)) ++next;
      }
      if (!pad) counted += next - t;
      kernels.add_layer_norm(x + t * size, size, added, size, next - t, size, w.norm.weight.data(),
                             w.norm.bias.data(), model.arch.layer_norm_eps);
    }
  }
  for (int64_t b = 0; b < view.sequences; ++b) {
    int64_t counted = e.position_offset;  // the next row
    for (int64_t t = view.start[b]; t < view.start[b + 1]; ++t) {
      const int64_t position = e.position_of(ids[t], &counted);
      // One value that is not finite makes the mean NaN, and with it the whole row.
      float* normed = x + t * size;
      if (!std::isnan(normed[0])) continue;
      if (!w.word_up) check_row(word, ids[t], normed);
      check_row(model.parameters.tensor(e.position), position, normed);
      if (typed) check_row(model.parameters.tensor(e.type), types[t], normed);
      if (e.task != kNone) check_row(model.parameters.tensor(e.task), 0, normed);
      fail_model(
          "{}row {} and row {} of {}, its position, have sums that are not finite, expected finite "
          "numbers",
          tensor_place(word), ids[t], position, model.parameters.tensor(e.position).name);
    }
  }
  if (w.map)
    apply_linear(kernels, w.map, x, size, tokens, out, model.arch.hidden_size, &scratch->rows);
}

}  // namespace costeff::model
