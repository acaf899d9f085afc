#include "model/layer.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace costeff::model {
namespace {

using kernels::KernelTable;
using kernels::round_up;

// Queries that attend at a time, and rows that pass a feed-forward: bounds the scratch memory.
constexpr int64_t kQueryBlock = 64, kRowBlock = 128;

// Queries, keys and values of a batch: element (t, c) of head h at ..[t * ld + h * d + c].
struct Attendees {
  const float* query = nullptr;
  int64_t ld_query = 0;
  const float *key = nullptr, *value = nullptr;
  int64_t ld = 0;  // of key and value
};

// One head h of one sequence: m queries over r keys and values -> context [m, d].
//   softmax(q k^T / sqrt(d)) v
void attend(const KernelTable& kernels, const kernels::Product& p, int64_t d, const Attendees& a,
            int64_t m, int64_t r, float* context, int64_t ldc, LayerScratch* own) {
  const int64_t lds = round_up(r), block = std::min(m, kQueryBlock);
  const int64_t key_bytes = round_up(r) * p.column_bytes(d);
  std::byte* keys = own->packed.reserve(key_bytes + round_up(d) * p.column_bytes(r));
  std::byte* values = keys + key_bytes;
  std::byte* prepared =
      p.prepare ? own->attention_rows.reserve(block * std::max(p.row_bytes(d), p.row_bytes(r)))
                : nullptr;
  float* scores = own->scores.reserve(block * lds);
  const float scale = 1.0f / std::sqrt(static_cast<float>(d));
  p.pack(a.key, a.ld, r, d, keys);
  p.pack_transposed(a.value, a.ld, d, r, values);
  for (int64_t i = 0; i < m; i += kQueryBlock) {
    const int64_t rows = std::min(kQueryBlock, m - i);
    apply_packed(p, a.query + i * a.ld_query, a.ld_query, rows, keys, nullptr, r, d,
                 Activation::none, scores, lds, prepared);
    kernels.softmax(scores, lds, rows, r, scale);
    apply_packed(p, scores, lds, rows, values, nullptr, d, r, Activation::none, context + i * ldc,
                 ldc, prepared);
  }
}

// All heads of all sequences -> context [rows, A]. The queries are those of every token, or of the
// first one of each sequence alone. The crew shares out the pairs of sequence and head.
void attend_all(const KernelTable& kernels, const LayerShape& shape, const LayerWeights& w,
                const PackedView& view, bool first_only, const Attendees& a, float* context,
                int64_t ldc, const Workplace& place) {
  const int64_t d = shape.head_size;
  const kernels::Product& p = kernels.attention(w.key_value.precision);
  const Range mine = place.crew.part(view.sequences * w.heads);
  for (int64_t i = mine.begin; i < mine.end; ++i) {
    const int64_t b = i / w.heads, h = i % w.heads;
    const int64_t begin = view.start[b], row = first_only ? b : begin;
    const Attendees one{a.query + row * a.ld_query + h * d, a.ld_query,
                        a.key + begin * a.ld + h * d, a.value + begin * a.ld + h * d, a.ld};
    attend(kernels, p, d, one, first_only ? 1 : view.start[b + 1] - begin, view.real[b],
           context + row * ldc + h * d, ldc, place.own);
  }
  place.crew.meet();
}

// y [m, l.out] = f(x [m, l.in] l^T + b); the crew has met when it returns.
void project(const KernelTable& kernels, const PackedLinear& l, const float* x, int64_t ldx,
             int64_t m, Activation f, float* y, int64_t ldy, const Workplace& place) {
  const PreparedRows rows =
      prepare_rows(kernels, l.precision, place.crew, x, ldx, m, l.in, place.shared->rows.data());
  multiply(kernels, place.crew, l, rows, m, f, y, ldy);
  place.crew.meet();
}

// x [m, H] = LayerNorm(x + y).
void add_norm(const KernelTable& kernels, const LayerShape& shape, const NormWeights& norm,
              float* x, const float* y, int64_t m, const Workplace& place) {
  const int64_t hidden = shape.hidden_size;
  const Range rows = place.crew.part(m);
  kernels.add_layer_norm(x + rows.begin * hidden, hidden, y + rows.begin * hidden, hidden,
                         rows.count(), hidden, norm.weight.data(), norm.bias.data(),
                         shape.layer_norm_eps);
  place.crew.meet();
}

// x [m, H] = LayerNorm(x + projection(context)).
void finish_attention(const KernelTable& kernels, const LayerShape& shape, const LayerWeights& w,
                      const float* context, int64_t ldc, int64_t m, float* x,
                      const Workplace& place) {
  float* projected = place.shared->projected.data();
  project(kernels, w.attention_out, context, ldc, m, Activation::none, projected, shape.hidden_size,
          place);
  add_norm(kernels, shape, w.attention_norm, x, projected, m, place);
}

// x [m, H] = LayerNorm(x + act(x W1^T + b1) W2^T + b2).
void feed_forward(const KernelTable& kernels, const LayerShape& shape, const LayerWeights& w,
                  int64_t m, float* x, const Workplace& place) {
  if (place.crew.leads()) place.shared->ffn_began = std::chrono::steady_clock::now();
  if (!w.ffn_in) return;
  const int64_t hidden = shape.hidden_size, ld = round_up(w.ffn_in.out);
  float* inner = place.shared->hidden.data();
  float* projected = place.shared->projected.data();
  for (int64_t i = 0; i < m; i += kRowBlock) {
    const int64_t rows = std::min(kRowBlock, m - i);
    float* at = x + i * hidden;
    project(kernels, w.ffn_in, at, hidden, rows, shape.activation, inner, ld, place);
    project(kernels, w.ffn_out, inner, ld, rows, Activation::none, projected, hidden, place);
    add_norm(kernels, shape, w.ffn_norm, at, projected, rows, place);
  }
}

// Memory for a layer whose products have at most `rows` rows, `queries` of them in the sublayers
// behind the keys and values. Only the leader takes it, then all go on.
void reserve(const KernelTable& kernels, const LayerShape& shape, const LayerWeights& w,
             int64_t tokens, int64_t queries, int64_t ld_qkv, const Workplace& place) {
  if (place.crew.leads()) {
    LayerScratch& s = *place.shared;
    int64_t bytes = 0;
    const auto product = [&](const PackedLinear& l, int64_t m) {
      bytes = std::max(bytes, prepared_bytes(kernels, l.precision, m, l.in));
    };
    int64_t projected = 0;
    if (w.heads > 0) {
      s.qkv.reserve(tokens * ld_qkv);
      s.query.reserve(queries * w.stride);
      s.context.reserve(queries * w.stride);
      projected = queries;
      product(w.query, tokens);
      product(w.attention_out, queries);
    }
    if (w.ffn_in) {
      const int64_t rows = std::min(queries, kRowBlock);
      s.hidden.reserve(rows * round_up(w.ffn_in.out));
      projected = std::max(projected, rows);
      product(w.ffn_in, rows);
      product(w.ffn_out, rows);
    }
    s.projected.reserve(projected * shape.hidden_size);
    s.rows.reserve(bytes);
  }
  place.crew.meet();
}

}  // namespace

LayerShape layer_shape(const Model& model) {
  return {model.hidden_size, model.head_size, model.activation, model.layer_norm_eps};
}

void run_layer(const KernelTable& kernels, const LayerShape& shape, const LayerWeights& w,
               const PackedView& view, float* x, const Workplace& place) {
  const int64_t tokens = view.tokens(), stride = w.stride, ld = 3 * stride;
  reserve(kernels, shape, w, tokens, tokens, ld, place);
  if (w.heads > 0) {
    float* qkv = place.shared->qkv.data();
    float* context = place.shared->context.data();
    const PreparedRows rows =
        prepare_rows(kernels, w.query.precision, place.crew, x, shape.hidden_size, tokens,
                     shape.hidden_size, place.shared->rows.data());
    multiply(kernels, place.crew, w.query, rows, tokens, Activation::none, qkv, ld);
    multiply(kernels, place.crew, w.key_value, rows, tokens, Activation::none, qkv + stride, ld);
    place.crew.meet();
    attend_all(kernels, shape, w, view, false, {qkv, ld, qkv + stride, qkv + 2 * stride, ld},
               context, stride, place);
    finish_attention(kernels, shape, w, context, stride, tokens, x, place);
  }
  feed_forward(kernels, shape, w, tokens, x, place);
}

void run_layer_first(const KernelTable& kernels, const LayerShape& shape, const LayerWeights& w,
                     const PackedView& view, const float* x, float* first, const Workplace& place) {
  const int64_t hidden = shape.hidden_size, sequences = view.sequences;
  const int64_t stride = w.stride, ld = 2 * stride;
  reserve(kernels, shape, w, view.tokens(), sequences, ld, place);
  const Range mine = place.crew.part(sequences);
  for (int64_t b = mine.begin; b < mine.end; ++b) {
    std::memcpy(first + b * hidden, x + view.start[b] * hidden,
                sizeof(float) * static_cast<size_t>(hidden));
  }
  place.crew.meet();
  if (w.heads > 0) {
    float* query = place.shared->query.data();
    float* keys = place.shared->qkv.data();
    float* context = place.shared->context.data();
    project(kernels, w.query, first, hidden, sequences, Activation::none, query, stride, place);
    project(kernels, w.key_value, x, hidden, view.tokens(), Activation::none, keys, ld, place);
    attend_all(kernels, shape, w, view, true, {query, stride, keys, keys + stride, ld}, context,
               stride, place);
    finish_attention(kernels, shape, w, context, stride, sequences, first, place);
  }
  feed_forward(kernels, shape, w, sequences, first, place);
}

}  // namespace costeff::model
