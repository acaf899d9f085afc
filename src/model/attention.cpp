#include "model/attention.h"

#include <algorithm>
#include <cmath>

namespace costeff::model {
namespace {

using kernels::KernelTable;
using kernels::round_up;

// How many queries attend at a time, and how many sequences have their folded queries in memory at a
// time, at most. This bounds the scratch memory.
constexpr int64_t kQueryBlock = 64, kSequenceBlock = 32;

// One attention of m queries over r keys and values. All are vectors of `width` floats; keys and values
// are ld apart.
struct AttentionInputs {
  const float* query = nullptr;
  int64_t ld_query = 0, m = 0;
  const float *key = nullptr, *value = nullptr;
  int64_t ld = 0, r = 0, width = 0;
};

// context [m, width] = softmax(scale q k^T) v. The context may overwrite the queries.
void attend(const kernels::KernelTable& kernels, const kernels::Product& p,
            const AttentionInputs& a, float scale, float* context, int64_t ldc, LayerScratch* own) {
  const int64_t r = a.r, width = a.width, lds = round_up(r), block = std::min(a.m, kQueryBlock);
  const int64_t key_bytes = round_up(r) * p.column_bytes(width);
  std::byte* keys = own->packed.reserve(key_bytes + round_up(width) * p.column_bytes(r));
  std::byte* values = keys + key_bytes;
  std::byte* prepared =
      p.prepare ? own->attention_rows.reserve(block * std::max(p.row_bytes(width), p.row_bytes(r)))
                : nullptr;
  float* scores = own->scores.reserve(block * lds);
  p.pack(a.key, a.ld, r, width, keys);
  p.pack_transposed(a.value, a.ld, width, r, values);
  for (int64_t i = 0; i < a.m; i += kQueryBlock) {
    const int64_t rows = std::min(kQueryBlock, a.m - i);
    apply_packed(p, a.query + i * a.ld_query, a.ld_query, rows, keys, nullptr, r, width, scores,
                 lds, prepared);
    kernels.softmax(scores, lds, rows, r, scale);
    apply_packed(p, scores, lds, rows, values, nullptr, width, r, context + i * ldc, ldc, prepared);
  }
}

// For each head h: multiplies the m rows at x + h * x_step by the head's map, to y + h * y_step. The
// crew divides the heads among its threads; they have met when this returns.
void apply_by_head(const KernelTable& kernels, const std::vector<PackedLinear>& maps,
                   const float* x, int64_t ldx, int64_t x_step, int64_t m, float* y, int64_t ldy,
                   int64_t y_step, const Workspace& work) {
  const Range mine = work.crew.part(static_cast<int64_t>(maps.size()));
  for (int64_t h = mine.begin; h < mine.end; ++h) {
    apply_linear(kernels, maps[static_cast<size_t>(h)], x + h * x_step, ldx, m, y + h * y_step, ldy,
                 &work.own->attention_rows);
  }
  work.crew.meet();
}

}  // namespace

float score_scale(int64_t head_size) { return 1.0f / std::sqrt(static_cast<float>(head_size)); }

void attend_all(const KernelTable& kernels, const LayerShape& shape, const LayerWeights& w,
                const PackedView& view, bool first_only, const QueryKeyValue& a, float* context,
                int64_t ldc, const Workspace& work) {
  const int64_t d = shape.head_size;
  const kernels::Product& p = kernels.attention(w.query.precision);
  const float scale = score_scale(shape.head_size);
  const Range mine = work.crew.part(view.sequences * w.heads);
  for (int64_t i = mine.begin; i < mine.end; ++i) {
    const int64_t b = i / w.heads, h = i % w.heads;
    const int64_t begin = view.start[b] - view.start[0], row = first_only ? b : begin;
    const AttentionInputs one{.query = a.query + row * a.ld_query + h * d,
                              .ld_query = a.ld_query,
                              .m = first_only ? 1 : view.start[b + 1] - view.start[b],
                              .key = a.key + begin * a.ld + h * d,
                              .value = a.value + begin * a.ld + h * d,
                              .ld = a.ld,
                              .r = view.real[b],
                              .width = d};
    attend(kernels, p, one, scale, context + row * ldc + h * d, ldc, work.own);
  }
  work.crew.meet();
}

void attend_folded(const KernelTable& kernels, const LayerShape& shape, const LayerWeights& w,
                   const PackedView& view, const float* query, int64_t ld_query, const float* x,
                   float* context, int64_t ldc, const Workspace& work) {
  const int64_t hidden = shape.hidden_size, d = shape.head_size, ld = w.heads * hidden;
  const kernels::Product& p = kernels.attention(w.query.precision);
  const float scale = score_scale(shape.head_size);
  float* folded = work.shared->qkv.data();
  for (int64_t first = 0; first < view.sequences; first += kSequenceBlock) {
    const int64_t n = std::min(kSequenceBlock, view.sequences - first);
    apply_by_head(kernels, w.key_by_head, query + first * ld_query, ld_query, d, n, folded, ld,
                  hidden, work);
    // A thread packs the hidden states of a sequence once for all of its heads that it computes.
    const Range mine = work.crew.part(n * w.heads);
    for (int64_t i = mine.begin, count = 0; i < mine.end; i += count) {
      const int64_t b = first + i / w.heads;
      count = std::min(w.heads - i % w.heads, mine.end - i);
      const float* tokens = x + view.start[b] * hidden;
      float* rows = folded + i * hidden;
      const AttentionInputs one{.query = rows,
                                .ld_query = hidden,
                                .m = count,
                                .key = tokens,
                                .value = tokens,
                                .ld = hidden,
                                .r = view.real[b],
                                .width = hidden};
      attend(kernels, p, one, scale, rows, hidden, work.own);
    }
    work.crew.meet();
    apply_by_head(kernels, w.value_by_head, folded, ld, hidden, n, context + first * ldc, ldc, d,
                  work);
  }
}

int64_t folded_floats(const LayerShape& shape, const LayerWeights& w, int64_t sequences) {
  return std::min(sequences, kSequenceBlock) * w.heads * shape.hidden_size;
}

}  // namespace costeff::model
