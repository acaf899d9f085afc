#include "grad/attention.h"

#include <algorithm>

#include "model/attention.h"

namespace costeff::grad {
namespace {

using kernels::Product;
using kernels::round_up;

// One head of one row of the batch: r tokens, the first of which are keys.
struct Piece {
  int64_t row, head, begin, r, keys;
};

// The products of one piece.
class Products {
 public:
  Products(const TrainedWeights& w, AttentionScratch* scratch)
      : p_(w.kernels().float32), s_(*scratch) {}

  // y [m, n] = x [m, k] v^T, v [n, k]
  void times_transpose(const float* x, int64_t ldx, int64_t m, const float* v, int64_t ldv,
                       int64_t n, int64_t k, float* y, int64_t ldy) {
    std::byte* packed = s_.packed.data();
    p_.pack(v, ldv, n, k, packed);
    multiply(x, ldx, m, packed, n, k, y, ldy);
  }
  // y [m, n] = x [m, k] v, v [k, n]
  void times(const float* x, int64_t ldx, int64_t m, const float* v, int64_t ldv, int64_t n,
             int64_t k, float* y, int64_t ldy) {
    std::byte* packed = s_.packed.data();
    p_.pack_transposed(v, ldv, n, k, packed);
    multiply(x, ldx, m, packed, n, k, y, ldy);
  }

 private:
  void multiply(const float* x, int64_t ldx, int64_t m, const std::byte* packed, int64_t n,
                int64_t k, float* y, int64_t ldy) {
    std::byte* rows = p_.prepare ? s_.rows.data() : nullptr;
    model::apply_packed(p_, x, ldx, m, packed, nullptr, n, k, y, ldy, rows);
  }
  const Product& p_;
  AttentionScratch& s_;
};

// f(piece) for this thread's part of all heads of all rows.
template <typename F>
void each_piece(const Batch& batch, int64_t heads, const Crew& crew, F f) {
  const Range mine = crew.part(batch.rows() * heads);
  for (int64_t i = mine.begin; i < mine.end; ++i) {
    const auto b = static_cast<size_t>(i / heads);
    f(Piece{.row = i / heads,
            .head = i % heads,
            .begin = batch.start[b],
            .r = batch.real[b],
            .keys = batch.keys[b]});
  }
}

// Scores become probabilities [r, r], those that are dropped included.
void softmax(const TrainedWeights& w, const Piece& piece, int64_t lds, int64_t d, float* scores) {
  w.kernels().softmax(scores, lds, piece.r, piece.keys, model::score_scale(d));
  if (piece.keys == piece.r) return;
  for (int64_t i = 0; i < piece.r; ++i)
    std::fill(scores + i * lds + piece.keys, scores + i * lds + piece.r, 0.0f);
}

void drop(const TrainedWeights& w, const Dropout& dropout, int64_t layer, const Batch& batch,
          const Piece& piece, int64_t lds, float* probabilities) {
  if (!dropout.any(Site::probabilities)) return;
  for (int64_t i = 0; i < piece.r; ++i) {
    w.grad().dropout(probabilities + i * lds, piece.r,
                     dropout.row(Site::probabilities, layer, piece.head,
                                 batch.row_ids[static_cast<size_t>(piece.row)], i));
  }
}

// The place of no token after a row, if there is one: columns of head h become 0.
void clear_gap(const Batch& batch, const Piece& piece, int64_t d, float* x, int64_t ld) {
  const int64_t end = batch.start[static_cast<size_t>(piece.row) + 1];
  for (int64_t t = piece.begin + piece.r; t < end; ++t)
    std::fill_n(x + t * ld + piece.head * d, d, 0.0f);
}

}  // namespace

void reserve_attention(const TrainedWeights& w, int64_t head_size, int64_t longest, bool backward,
                       Reserve* reserve, AttentionScratch* scratch) {
  const Product& p = w.kernels().float32;
  const int64_t d = head_size, r = longest, square = r * round_up(r);
  (*reserve)(&scratch->scores, square);
  (*reserve)(&scratch->packed,
             std::max(round_up(r) * p.column_bytes(d), round_up(d) * p.column_bytes(r)));
  if (p.prepare) (*reserve)(&scratch->rows, r * std::max(p.row_bytes(d), p.row_bytes(r)));
  if (!backward) return;
  (*reserve)(&scratch->other, square);
  (*reserve)(&scratch->transposed, square);
}

void attention_forward(const TrainedWeights& w, const HeadColumns& shape, int64_t layer,
                       const Batch& batch, const Dropout& dropout, const Crew& crew,
                       const float* query, const float* key, const float* value, int64_t ld,
                       float* context, int64_t ld_context, AttentionScratch* own) {
  const int64_t d = shape.head_size;
  Products products(w, own);
  each_piece(batch, shape.heads, crew, [&](const Piece& piece) {
    const int64_t r = piece.r, lds = round_up(r), at = piece.begin * ld + piece.head * d;
    float* scores = own->scores.data();
    products.times_transpose(query + at, ld, r, key + at, ld, r, d, scores, lds);
    softmax(w, piece, lds, d, scores);
    drop(w, dropout, layer, batch, piece, lds, scores);
    products.times(scores, lds, r, value + at, ld, d, r,
                   context + piece.begin * ld_context + piece.head * d, ld_context);
    clear_gap(batch, piece, d, context, ld_context);
  });
  crew.meet();
}

// P again from Q K^T, Pd = drop(P); then
//   dV = Pd^T dC;  dP = drop(dC V^T);  dS = P o (dP - rowsum(dP o P)) / sqrt(d)
//   dQ = dS K;     dK = dS^T Q
void attention_backward(const TrainedWeights& w, const HeadColumns& shape, int64_t layer,
                        const Batch& batch, const Dropout& dropout, const Crew& crew,
                        const float* query, const float* key, const float* value, int64_t ld,
                        const float* d_context, int64_t ld_context, float* d_query, float* d_key,
                        float* d_value, AttentionScratch* own) {
  const int64_t d = shape.head_size;
  const kernels::GradTable& grad = w.grad();
  Products products(w, own);
  each_piece(batch, shape.heads, crew, [&](const Piece& piece) {
    const int64_t r = piece.r, lds = round_up(r), at = piece.begin * ld + piece.head * d;
    const float* dc = d_context + piece.begin * ld_context + piece.head * d;
    float* p = own->scores.data();
    float* ds = own->other.data();
    float* transposed = own->transposed.data();
    products.times_transpose(query + at, ld, r, key + at, ld, r, d, p, lds);
    softmax(w, piece, lds, d, p);
    if (dropout.any(Site::probabilities)) {
      std::copy_n(p, r * lds, ds);
      drop(w, dropout, layer, batch, piece, lds, ds);
      grad.transpose(ds, lds, r, r, transposed, lds);
    } else {
      grad.transpose(p, lds, r, r, transposed, lds);
    }
    products.times(transposed, lds, r, dc, ld_context, d, r, d_value + at, ld);
    products.times_transpose(dc, ld_context, r, value + at, ld, r, d, ds, lds);
    drop(w, dropout, layer, batch, piece, lds, ds);
    grad.softmax_backward(p, ds, lds, r, r, model::score_scale(d));
    products.times(ds, lds, r, key + at, ld, d, r, d_query + at, ld);
    grad.transpose(ds, lds, r, r, transposed, lds);
    products.times(transposed, lds, r, query + at, ld, d, r, d_key + at, ld);
    for (float* x : {d_query, d_key, d_value}) clear_gap(batch, piece, d, x, ld);
  });
  crew.meet();
}

}  // namespace costeff::grad
