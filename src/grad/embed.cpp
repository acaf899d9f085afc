#include "grad/embed.h"

#include <algorithm>

#include "grad/layer.h"

namespace costeff::grad {
namespace {

// Adds rows d [T, n] to rows `index` of a gradient [.., n], except row `none`. A row of the gradient
// belongs to one thread, which adds in the order of the tokens.
void scatter_rows(TrainedWeights* w, model::ParameterId id, const Crew& crew, const Batch& batch,
                  const std::vector<int32_t>& index, int64_t none, const float* d, int64_t n) {
  float* gradient = w->gradient(id);
  if (!gradient) return;
  if (crew.leads()) (*w)[id].reached = true;
  uint8_t* touched = (*w)[id].touched.empty() ? nullptr : (*w)[id].touched.data();
  for (size_t b = 0; b < batch.real.size(); ++b) {
    const int64_t begin = batch.start[b], end = begin + batch.real[b];
    for (int64_t t = begin; t < end; ++t) {
      const int64_t row = index[static_cast<size_t>(t)];
      if (row == none || row % crew.size != crew.rank) continue;
      w->grad().add_scaled(d + t * n, 1.0f, n, gradient + row * n);
      if (touched) touched[row] = 1;
    }
  }
}

}  // namespace

void reserve_embedding(const TrainedWeights& w, int64_t tokens, Reserve* reserve,
                       EmbeddingRecord* record) {
  const model::Embeddings& e = w.arch().embeddings;
  const int64_t hidden = w.arch().hidden_size;
  if (e.word_up) (*reserve)(&record->gathered, tokens * e.word_up->in);
  (*reserve)(&record->normed, tokens * hidden);
  (*reserve)(&record->inverse, tokens);
  (*reserve)(&record->sum, tokens * hidden);
}

void prepare_embedding(const TrainedWeights& w, const Batch& batch, EmbeddingRecord* record) {
  const model::Embeddings& e = w.arch().embeddings;
  const int64_t tokens = batch.tokens();
  record->positions.assign(static_cast<size_t>(tokens), 0);
  for (size_t b = 0; b < batch.real.size(); ++b) {
    int64_t counted = e.position_offset;
    for (int64_t t = batch.start[b]; t < batch.start[b] + batch.real[b]; ++t) {
      const auto at = static_cast<size_t>(t);
      record->positions[at] = static_cast<int32_t>(e.position_of(batch.ids[at], &counted));
    }
  }
}

void embedding_forward(const TrainedWeights& w, const Batch& batch, const Dropout& dropout,
                       const Crew& crew, EmbeddingRecord* record, float* x,
                       LinearScratch* scratch) {
  const model::Embeddings& e = w.arch().embeddings;
  const int64_t tokens = batch.tokens(), hidden = w.arch().hidden_size;
  const Range mine = crew.part(tokens);
  const int64_t rank = e.word_up ? e.word_up->in : hidden;
  float* words = e.word_up ? record->gathered.data() : x;
  const float* table = w[e.word].value.data();
  for (int64_t t = mine.begin; t < mine.end; ++t)
    std::copy_n(table + batch.ids[static_cast<size_t>(t)] * rank, rank, words + t * rank);
  crew.meet();
  if (e.word_up)
    linear_forward(w, w.linear(*e.word_up), crew, words, rank, tokens, x, hidden, scratch);
  const float* positions = w[e.position].value.data();
  const float* types = e.type == model::kNone ? nullptr : w[e.type].value.data();
  for (int64_t t = mine.begin; t < mine.end; ++t) {
    const auto at = static_cast<size_t>(t);
    float* sum = record->sum.data() + t * hidden;
    std::copy_n(positions + record->positions[at] * hidden, hidden, sum);
    if (types) w.grad().add_scaled(types + batch.types[at] * hidden, 1.0f, hidden, sum);
  }
  const int64_t at = mine.begin * hidden;
  w.grad().layer_norm(x + at, hidden, record->sum.data() + at, hidden, mine.count(), hidden,
                      w[e.norm.weight].value.data(), w[e.norm.bias].value.data(),
                      w.arch().layer_norm_eps, record->normed.data() + at,
                      record->inverse.data() + mine.begin, x + at, hidden);
  drop_tokens(w.grad(), dropout, Site::embedding, 0, batch, mine.begin, mine.end, x, hidden,
              hidden);
  crew.meet();
}

void embedding_backward(TrainedWeights* w, const Batch& batch, const Dropout& dropout,
                        const Crew& crew, const EmbeddingRecord& record, float* d, float* d_rank,
                        LinearScratch* scratch) {
  const model::Embeddings& e = w->arch().embeddings;
  const int64_t tokens = batch.tokens(), hidden = w->arch().hidden_size;
  const Range mine = crew.part(tokens);
  const int64_t at = mine.begin * hidden;
  drop_tokens(w->grad(), dropout, Site::embedding, 0, batch, mine.begin, mine.end, d, hidden,
              hidden);
  crew.meet();
  norm_gradient(w, e.norm, crew, d, record.normed.data(), tokens, hidden);
  w->grad().layer_norm_backward(d + at, hidden, record.normed.data() + at, hidden,
                                record.inverse.data() + mine.begin, mine.count(), hidden,
                                (*w)[e.norm.weight].value.data(), d + at, hidden);
  crew.meet();
  const bool roberta = e.position_offset > 0;
  scatter_rows(w, e.position, crew, batch, record.positions, roberta ? e.pad_token() : -1, d,
               hidden);
  if (e.type != model::kNone) scatter_rows(w, e.type, crew, batch, batch.types, -1, d, hidden);
  if (e.word_up) {
    const TrainedLinear& up = w->linear(*e.word_up);
    const int64_t rank = up.in();
    linear_weight_gradient(w, up, crew, d, hidden, record.gathered.data(), rank, tokens, scratch);
    if (w->gradient(e.word)) {
      linear_input_gradient(*w, up, crew, d, hidden, tokens, d_rank, rank, false, scratch);
      scatter_rows(w, e.word, crew, batch, batch.ids, batch.pad_token, d_rank, rank);
    }
  } else {
    scatter_rows(w, e.word, crew, batch, batch.ids, batch.pad_token, d, hidden);
  }
  crew.meet();
}

}  // namespace costeff::grad
