#include "model/layer.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace costeff::model {
namespace {

using kernels::KernelTable;
using kernels::packed_size;
using kernels::round_up;

// Rows that pass a feed-forward, or queries that attend, at a time: bounds the scratch memory.
constexpr int64_t kRowBlock = 64;

// Attention of m queries q [m, A] over r keys and values k, v [r, A], all heads -> context [m, A].
// Per head h: softmax(q_h k_h^T / sqrt(d)) v_h.
void attend(const KernelTable& kernels, const LayerWeights& w, int64_t d, const float* q,
            int64_t ldq, int64_t m, const float* k, const float* v, int64_t ldkv, int64_t r,
            float* context, int64_t ldc, LayerScratch* scratch) {
  const int64_t lds = round_up(r);
  float* scores = scratch->scores.reserve(std::min(m, kRowBlock) * lds);
  float* packed = scratch->packed.reserve(packed_size(r, d) + packed_size(d, r));
  float* packed_keys = packed;
  float* packed_values = packed + packed_size(r, d);
  const float scale = 1.0f / std::sqrt(static_cast<float>(d));
  for (int64_t h = 0; h < w.heads; ++h) {
    kernels.pack(k + h * d, ldkv, r, d, packed_keys);
    kernels.pack_transposed(v + h * d, ldkv, d, r, packed_values);
    for (int64_t i = 0; i < m; i += kRowBlock) {
      const int64_t rows = std::min(kRowBlock, m - i);
      kernels.linear(q + i * ldq + h * d, ldq, rows, packed_keys, nullptr, r, d, Activation::none,
                     scores, lds);
      kernels.softmax(scores, lds, rows, r, scale);
      kernels.linear(scores, lds, rows, packed_values, nullptr, d, r, Activation::none,
                     context + i * ldc + h * d, ldc);
    }
  }
}

// y [m, l.out] = x [m, H] of a linear map.
void project(const KernelTable& kernels, const LayerShape& shape, const PackedLinear& l, int64_t m,
             const float* x, float* y, int64_t ldy) {
  kernels.linear(x, shape.hidden_size, m, l.weight.data(), l.bias.data(), l.out, l.in,
                 Activation::none, y, ldy);
}

// x [m, H] = LayerNorm(x + projection(context)).
void finish_attention(const KernelTable& kernels, const LayerShape& shape, const LayerWeights& w,
                      const float* context, int64_t ldc, int64_t m, float* x,
                      LayerScratch* scratch) {
  const int64_t hidden = shape.hidden_size;
  float* projected = scratch->projected.reserve(m * hidden);
  kernels.linear(context, ldc, m, w.attention_out.weight.data(), w.attention_out.bias.data(),
                 hidden, w.attention_size, Activation::none, projected, hidden);
  kernels.add_layer_norm(x, hidden, projected, hidden, m, hidden, w.attention_norm.weight.data(),
                         w.attention_norm.bias.data(), shape.layer_norm_eps);
}

// x [m, H] = LayerNorm(x + act(x W1^T + b1) W2^T + b2).
void feed_forward(const KernelTable& kernels, const LayerShape& shape, const LayerWeights& w,
                  int64_t m, float* x, LayerScratch* scratch) {
  if (!w.ffn_in) return;
  const int64_t hidden = shape.hidden_size, ffn = w.ffn_in.out, ld = round_up(ffn);
  float* inner = scratch->hidden.reserve(std::min(m, kRowBlock) * ld);
  float* projected = scratch->projected.reserve(std::min(m, kRowBlock) * hidden);
  for (int64_t i = 0; i < m; i += kRowBlock) {
    const int64_t rows = std::min(kRowBlock, m - i);
    float* at = x + i * hidden;
    kernels.linear(at, hidden, rows, w.ffn_in.weight.data(), w.ffn_in.bias.data(), ffn, hidden,
                   shape.activation, inner, ld);
    kernels.linear(inner, ld, rows, w.ffn_out.weight.data(), w.ffn_out.bias.data(), hidden, ffn,
                   Activation::none, projected, hidden);
    kernels.add_layer_norm(at, hidden, projected, hidden, rows, hidden, w.ffn_norm.weight.data(),
                           w.ffn_norm.bias.data(), shape.layer_norm_eps);
  }
}

}  // namespace

LayerShape layer_shape(const Model& model) {
  return {model.hidden_size, model.head_size, model.activation, model.layer_norm_eps};
}

void run_layer(const KernelTable& kernels, const LayerShape& shape, const LayerWeights& w,
               const PackedView& view, float* x, LayerScratch* scratch) {
  const int64_t tokens = view.tokens();
  if (w.heads > 0) {
    const int64_t ldc = w.stride, ld = 3 * ldc;
    float* qkv = scratch->qkv.reserve(tokens * ld);
    float* context = scratch->context.reserve(tokens * ldc);
    project(kernels, shape, w.query, tokens, x, qkv, ld);
    project(kernels, shape, w.key_value, tokens, x, qkv + ldc, ld);
    for (int64_t b = 0; b < view.sequences; ++b) {
      const int64_t begin = view.start[b], count = view.start[b + 1] - begin;
      const float* q = qkv + begin * ld;
      attend(kernels, w, shape.head_size, q, ld, count, q + ldc, q + 2 * ldc, ld, view.real[b],
             context + begin * ldc, ldc, scratch);
    }
    finish_attention(kernels, shape, w, context, ldc, tokens, x, scratch);
  }
  feed_forward(kernels, shape, w, tokens, x, scratch);
}

void run_layer_first(const KernelTable& kernels, const LayerShape& shape, const LayerWeights& w,
                     const PackedView& view, const float* x, float* first, LayerScratch* scratch) {
  const int64_t hidden = shape.hidden_size, sequences = view.sequences;
  for (int64_t b = 0; b < sequences; ++b) {
    std::memcpy(first + b * hidden, x + view.start[b] * hidden,
                sizeof(float) * static_cast<size_t>(hidden));
  }
  if (w.heads > 0) {
    const int64_t stride = w.stride, ld = 2 * stride;
    float* query = scratch->query.reserve(sequences * stride);
    float* keys = scratch->qkv.reserve(view.tokens() * ld);
    float* context = scratch->context.reserve(sequences * stride);
    project(kernels, shape, w.query, sequences, first, query, stride);
    project(kernels, shape, w.key_value, view.tokens(), x, keys, ld);
    for (int64_t b = 0; b < sequences; ++b) {
      const float* k = keys + view.start[b] * ld;
      attend(kernels, w, shape.head_size, query + b * stride, stride, 1, k, k + stride, ld,
             view.real[b], context + b * stride, stride, scratch);
    }
    finish_attention(kernels, shape, w, context, stride, sequences, first, scratch);
  }
  feed_forward(kernels, shape, w, sequences, first, scratch);
}

}  // namespace costeff::model
