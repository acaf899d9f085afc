#include "model/layer.h"

#include <algorithm>
#include <cstring>

#include "model/attention.h"

namespace costeff::model {
namespace {

using kernels::Activation;
using kernels::KernelTable;
using kernels::round_up;

// A sublayer computes about this many rows at a time, so that their intermediate results stay in or
// near the second-level cache. A multiple of 9, the rows of the tallest tile.
constexpr int64_t kRowBlock = 126;

// The end of the block that begins with row `begin` of m. Blocks are about equally high, so that none
// reads all weights for a few rows.
int64_t block_end(int64_t begin, int64_t m) {
  const int64_t left = m - begin, blocks = std::max<int64_t>(1, (left + kRowBlock / 2) / kRowBlock);
  return begin + (left + blocks - 1) / blocks;
}
constexpr int64_t kLargestBlock = kRowBlock + kRowBlock / 2;

// y [m, l.out] = x [m, l.in] l^T + b; the crew has met when it returns.
void project(const KernelTable& kernels, const PackedLinear& l, const float* x, int64_t ldx,
             int64_t m, float* y, int64_t ldy, const Workspace& work) {
  const PreparedRows rows =
      prepare_rows(kernels, l.precision, work.crew, x, ldx, m, l.in, work.shared->rows.data());
  multiply(kernels, work.crew, l, rows, m, y, ldy);
  work.crew.meet();
}

// x [m, H] = LayerNorm(x + y). ldy 0: y is one row.
void add_norm(const KernelTable& kernels, const LayerShape& shape, const NormWeights& norm,
              float* x, const float* y, int64_t ldy, int64_t m, const Workspace& work) {
  const int64_t hidden = shape.hidden_size;
  const Range rows = work.crew.part(m);
  kernels.add_layer_norm(x + rows.begin * hidden, hidden, y + rows.begin * ldy, ldy, rows.count(),
                         hidden, norm.weight.data(), norm.bias.data(), shape.layer_norm_eps);
  work.crew.meet();
}

// A sublayer without units: x [m, H] = LayerNorm(x + bias).
void add_bias_norm(const KernelTable& kernels, const LayerShape& shape, const PackedLinear& output,
                   const NormWeights& norm, int64_t m, float* x, const Workspace& work) {
  add_norm(kernels, shape, norm, x, output.bias.data(), 0, m, work);
}

// x [m, H] = LayerNorm(x + projection(context)).
void finish_attention(const KernelTable& kernels, const LayerShape& shape, const LayerWeights& w,
                      const float* context, int64_t ldc, int64_t m, float* x,
                      const Workspace& work) {
  float* projected = work.shared->projected.data();
  project(kernels, w.attention_out, context, ldc, m, projected, shape.hidden_size, work);
  add_norm(kernels, shape, w.attention_norm, x, projected, shape.hidden_size, m, work);
}

// x [m, H] = LayerNorm(x + act(x W1^T + b1) W2^T + b2).
void feed_forward(const KernelTable& kernels, const LayerShape& shape, const LayerWeights& w,
                  int64_t m, float* x, const Workspace& work) {
  if (work.crew.leads()) work.shared->ffn_began = std::chrono::steady_clock::now();
  if (!w.ffn_in) {
    if (w.ffn_out) add_bias_norm(kernels, shape, w.ffn_out, w.ffn_norm, m, x, work);
    return;
  }
  const int64_t hidden = shape.hidden_size, ld = round_up(w.ffn_in.out);
  float* inner = work.shared->hidden.data();
  float* projected = work.shared->projected.data();
  for (int64_t i = 0, end = 0; i < m; i = end) {
    end = block_end(i, m);
    const int64_t rows = end - i;
    float* at = x + i * hidden;
    project(kernels, w.ffn_in, at, hidden, rows, inner, ld, work);
    const PreparedRows activated =
        activate_rows(kernels, w.ffn_out.precision, work.crew, shape.activation, inner, ld, rows,
                      w.ffn_out.in, work.shared->rows.data());
    multiply(kernels, work.crew, w.ffn_out, activated, rows, projected, hidden);
    work.crew.meet();
    add_norm(kernels, shape, w.ffn_norm, at, projected, hidden, rows, work);
  }
}

// Reserves memory for a layer. The leader does it while the others wait.
//   tokens: the largest number of rows in a product for queries, keys and values.
//   queries: the same for what comes after them.
//   qkv: the number of floats for queries, keys and values.
void reserve(const KernelTable& kernels, const LayerShape& shape, const LayerWeights& w,
             int64_t tokens, int64_t queries, int64_t qkv, const Workspace& work) {
  if (work.crew.leads()) {
    LayerScratch& s = *work.shared;
    int64_t bytes = 0;
    const auto product = [&](const PackedLinear& l, int64_t m) {
      bytes = std::max(bytes, prepared_bytes(kernels, l.precision, m, l.in));
    };
    int64_t projected = 0;
    if (w.heads > 0) {
      s.qkv.reserve(qkv);
      s.query.reserve(queries * w.stride);
      s.context.reserve(queries * w.stride);
      projected = queries;
      product(w.query, tokens);
      product(w.attention_out, queries);
    }
    if (w.ffn_in) {
      const int64_t rows = std::min(queries, kLargestBlock);
      s.hidden.reserve(rows * round_up(w.ffn_in.out));
      projected = std::max(projected, rows);
      product(w.ffn_in, rows);
      product(w.ffn_out, rows);
    }
    s.projected.reserve(projected * shape.hidden_size);
    s.rows.reserve(bytes);
  }
  work.crew.meet();
}

// The sequences from `first` whose attention is computed together: about a block of rows, in whole
// sequences, at least one.
PackedView block_of(const PackedView& view, int64_t first) {
  const int64_t goal = block_end(0, view.start[view.sequences] - view.start[first]);
  int64_t end = first + 1;
  while (end < view.sequences && view.start[end + 1] - view.start[first] <= goal) ++end;
  return {end - first, view.start + first, view.real + first};
}

int64_t largest_block(const PackedView& view) {
  int64_t largest = std::min(view.tokens(), kLargestBlock);
  for (int64_t b = 0; b < view.sequences; ++b)
    largest = std::max<int64_t>(largest, view.start[b + 1] - view.start[b]);
  return largest;
}

}  // namespace

LayerShape layer_shape(const Architecture& arch) {
  return {arch.hidden_size, arch.head_size, arch.activation, arch.layer_norm_eps};
}

void run_layer(const KernelTable& kernels, const LayerShape& shape, const LayerWeights& w,
               const PackedView& view, float* x, const Workspace& work) {
  const int64_t hidden = shape.hidden_size, stride = w.stride, ld = 3 * stride;
  const int64_t rows_at_once = largest_block(view);
  reserve(kernels, shape, w, rows_at_once, rows_at_once, rows_at_once * ld, work);
  if (w.heads == 0 && w.attention_out) {
    add_bias_norm(kernels, shape, w.attention_out, w.attention_norm, view.tokens(),
                  x + view.start[0] * hidden, work);
  }
  for (int64_t b = 0; w.heads > 0 && b < view.sequences;) {
    const PackedView block = block_of(view, b);
    const int64_t tokens = block.tokens();
    float* rows_of = x + block.start[0] * hidden;
    float* qkv = work.shared->qkv.data();
    float* context = work.shared->context.data();
    const PreparedRows rows = prepare_rows(kernels, w.query.precision, work.crew, rows_of, hidden,
                                           tokens, hidden, work.shared->rows.data());
    multiply(kernels, work.crew, w.query, rows, tokens, qkv, ld);
    multiply(kernels, work.crew, w.key_value, rows, tokens, qkv + stride, ld, 1);
    work.crew.meet();
    attend_all(kernels, shape, w, block, false, {qkv, ld, qkv + stride, qkv + 2 * stride, ld},
               context, stride, work);
    finish_attention(kernels, shape, w, context, stride, tokens, rows_of, work);
    b += block.sequences;
  }
  feed_forward(kernels, shape, w, view.tokens(), x, work);
}

void run_layer_first(const KernelTable& kernels, const LayerShape& shape, const LayerWeights& w,
                     const PackedView& view, const float* x, float* first, const Workspace& work) {
  const int64_t hidden = shape.hidden_size, sequences = view.sequences;
  const int64_t stride = w.stride, ld = 2 * stride;
  reserve(kernels, shape, w, view.tokens(), sequences,
          w.folded() ? folded_floats(shape, w, sequences) : view.tokens() * ld, work);
  const Range mine = work.crew.part(sequences);
  for (int64_t b = mine.begin; b < mine.end; ++b) {
    std::memcpy(first + b * hidden, x + view.start[b] * hidden,
                sizeof(float) * static_cast<size_t>(hidden));
  }
  work.crew.meet();
  if (w.heads > 0) {
    float* query = work.shared->query.data();
    float* context = work.shared->context.data();
    project(kernels, w.query, first, hidden, sequences, query, stride, work);
    if (w.folded()) {
      attend_folded(kernels, shape, w, view, query, stride, x, context, stride, work);
    } else {
      float* keys = work.shared->qkv.data();
      project(kernels, w.key_value, x, hidden, view.tokens(), keys, ld, work);
      attend_all(kernels, shape, w, view, true, {query, stride, keys, keys + stride, ld}, context,
                 stride, work);
    }
    finish_attention(kernels, shape, w, context, stride, sequences, first, work);
  } else if (w.attention_out) {
    add_bias_norm(kernels, shape, w.attention_out, w.attention_norm, sequences, first, work);
  }
  feed_forward(kernels, shape, w, sequences, first, work);
}

}  // namespace costeff::model
