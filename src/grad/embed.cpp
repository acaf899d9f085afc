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

// x [m, H] += sum, which becomes the same; then x [m, units] is what its masks leave of it.
void mask_sum(const Masking& masking, int64_t m, int64_t hidden, float* x, float* sum) {
  for (int64_t i = 0; i < m * hidden; ++i) sum[i] += x[i];
  for (int64_t t = 0; t < m; ++t, sum += hidden) {
    for (const int32_t j : masking.units)
      *x++ = sum[j] * masking.masks.hidden[static_cast<size_t>(j)];
  }
}

// Adds the rows d [T, n] to row 0 of a gradient. Places of no token are 0.
void add_to_first_row(TrainedWeights* w, model::ParameterId id, const Crew& crew, int64_t tokens,
                      const float* d, int64_t n) {
  float* gradient = w->gradient(id);
  if (!gradient) return;
  if (crew.leads()) (*w)[id].reached = true;
  const Range c = crew.part(n, kernels::kLane);
  if (c.count() <= 0) return;
  w->grad().column_sums(d + c.begin, n, nullptr, 0, tokens, c.count(), gradient + c.begin);
}

// Adds to the gradients of the masks of the embeddings' LayerNorm. scratch [T, H].
void norm_mask_gradient(TrainedWeights* w, const Crew& crew, const EmbeddingRecord& record,
                        int64_t tokens, const float* d, float* scratch) {
  Masking& masking = *w->masking();
  const int64_t hidden = w->arch().hidden_size, n = static_cast<int64_t>(masking.units.size());
  const Range mine = crew.part(tokens), c = crew.part(n, kernels::kLane);
  gather_units(masking.units, d + mine.begin * hidden, mine.count(), hidden,
               scratch + mine.begin * n);
  crew.meet();
  if (c.count() > 0) {
    w->grad().column_sums(scratch + c.begin, n, record.normed.data() + c.begin, n, tokens,
                          c.count(), masking.norm_weight.data() + c.begin);
    w->grad().column_sums(scratch + c.begin, n, nullptr, 0, tokens, c.count(),
                          masking.norm_bias.data() + c.begin);
  }
  crew.meet();
}

// d, the gradient of the sum times its masks, becomes that of the sum; adds to those of the masks.
void sum_mask_gradient(TrainedWeights* w, const Crew& crew, const EmbeddingRecord& record,
                       int64_t tokens, float* d) {
  Masking& masking = *w->masking();
  const int64_t hidden = w->arch().hidden_size;
  const Range c = crew.part(hidden, kernels::kLane), mine = crew.part(tokens);
  if (c.count() > 0) {
    w->grad().column_sums(d + c.begin, hidden, record.sum.data() + c.begin, hidden, tokens,
                          c.count(), masking.sum.data() + c.begin);
  }
  crew.meet();
  for (int64_t t = mine.begin; t < mine.end; ++t)
    for (int64_t j = 0; j < hidden; ++j)
      d[t * hidden + j] *= masking.masks.hidden[static_cast<size_t>(j)];
}

}  // namespace

void reserve_embedding(const TrainedWeights& w, int64_t tokens, Reserve* reserve,
                       EmbeddingRecord* record) {
  const model::Embeddings& e = w.arch().embeddings;
  const int64_t size = w.arch().embedding_size();
  if (e.word_up) (*reserve)(&record->gathered, tokens * e.word_up->in);
  (*reserve)(&record->normed, tokens * size);
  (*reserve)(&record->inverse, tokens);
  (*reserve)(&record->sum, tokens * size);
  if (e.map) (*reserve)(&record->unmapped, tokens * size);
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
  const int64_t tokens = batch.tokens(), size = w.arch().embedding_size();
  const Range mine = crew.part(tokens);
  const int64_t rank = e.word_up ? e.word_up->in : size;
  float* const mapped = x;  // [T, H]
  if (e.map) x = record->unmapped.data();
  float* words = e.word_up ? record->gathered.data() : x;
  const float* table = w[e.word].value.data();
  for (int64_t t = mine.begin; t < mine.end; ++t)
    std::copy_n(table + batch.ids[static_cast<size_t>(t)] * rank, rank, words + t * rank);
  crew.meet();
  if (e.word_up)
    linear_forward(w, w.linear(*e.word_up), crew, words, rank, tokens, x, size, scratch);
  const float* positions = w[e.position].value.data();
  const float* types = e.type == model::kNone ? nullptr : w[e.type].value.data();
  const float* task = e.task == model::kNone ? nullptr : w[e.task].value.data();
  for (int64_t t = mine.begin; t < mine.end; ++t) {
    const auto at = static_cast<size_t>(t);
    float* sum = record->sum.data() + t * size;
    std::copy_n(positions + record->positions[at] * size, size, sum);
    if (types) w.grad().add_scaled(types + batch.types[at] * size, 1.0f, size, sum);
    if (task) w.grad().add_scaled(task, 1.0f, size, sum);
  }
  const int64_t at = mine.begin * size;
  const float* other = record->sum.data() + at;
  const auto units = w.hidden_units();
  int64_t n = size;  // units that count
  if (!units.empty()) {
    n = static_cast<int64_t>(units.size());
    mask_sum(*w.masking(), mine.count(), size, x + at, record->sum.data() + at);
    other = nullptr;
  }
  w.grad().layer_norm(x + at, n, other, n, mine.count(), n, w[e.norm.weight].used(),
                      w[e.norm.bias].used(), w.arch().layer_norm_eps,
                      record->normed.data() + mine.begin * n, record->inverse.data() + mine.begin,
                      x + at, n);
  if (!units.empty()) spread_units(units, x + at, mine.count(), size, x + at);
  drop_tokens(w.grad(), dropout, Site::embedding, 0, batch, mine.begin, mine.end, x, size, size);
  crew.meet();
  if (e.map)
    linear_forward(w, w.linear(*e.map), crew, x, size, tokens, mapped, w.arch().hidden_size,
                   scratch);
}

void embedding_backward(TrainedWeights* w, const Batch& batch, const Dropout& dropout,
                        const Crew& crew, const EmbeddingRecord& record, float* d, float* other,
                        float* d_unmapped, float* d_rank, LinearScratch* scratch) {
  const model::Embeddings& e = w->arch().embeddings;
  const int64_t tokens = batch.tokens(), size = w->arch().embedding_size();
  const Range mine = crew.part(tokens);
  if (e.map) {
    const TrainedLinear& map = w->linear(*e.map);
    linear_weight_gradient(w, map, crew, d, map.out(), record.unmapped.data(), size, tokens,
                           scratch);
    linear_input_gradient(*w, map, crew, d, map.out(), tokens, d_unmapped, size, false, scratch);
    d = d_unmapped;
  }
  drop_tokens(w->grad(), dropout, Site::embedding, 0, batch, mine.begin, mine.end, d, size, size);
  crew.meet();
  const bool masked = !w->hidden_units().empty();
  if (masked) norm_mask_gradient(w, crew, record, tokens, d, other);
  norm_backward(w, e.norm, crew, record.normed.data(), record.inverse.data(), tokens, d, other);
  crew.meet();
  if (masked) {
    sum_mask_gradient(w, crew, record, tokens, d);
    crew.meet();
  }
  const bool roberta = e.position_offset > 0;
  scatter_rows(w, e.position, crew, batch, record.positions, roberta ? e.pad_token() : -1, d, size);
  if (e.type != model::kNone) scatter_rows(w, e.type, crew, batch, batch.types, -1, d, size);
  if (e.task != model::kNone) add_to_first_row(w, e.task, crew, tokens, d, size);
  if (e.word_up) {
    const TrainedLinear& up = w->linear(*e.word_up);
    const int64_t rank = up.in();
    linear_weight_gradient(w, up, crew, d, size, record.gathered.data(), rank, tokens, scratch);
    if (w->gradient(e.word)) {
      linear_input_gradient(*w, up, crew, d, size, tokens, d_rank, rank, false, scratch);
      scatter_rows(w, e.word, crew, batch, batch.ids, batch.pad_token, d_rank, rank);
    }
  } else {
    scatter_rows(w, e.word, crew, batch, batch.ids, batch.pad_token, d, size);
  }
  crew.meet();
}

}  // namespace costeff::grad
