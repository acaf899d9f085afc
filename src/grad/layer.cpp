#include "grad/layer.h"

#include <algorithm>

namespace costeff::grad {
namespace {

using kernels::round_up;

int64_t attention_size(const model::Layer& layer) {
  return layer.attention ? layer.attention->query.out : 0;
}

// Activations are vectors of whole lanes.
int64_t inner_size(const model::Layer& layer) {
  return layer.ffn ? round_up(layer.ffn->in.out) : 0;
}

struct Widest {
  int64_t attention = 0, inner = 0;
  bool norms[2] = {};  // whether any has the attention's, the feed-forward's
  void cover(const model::Layer& layer) {
    attention = std::max(attention, attention_size(layer));
    inner = std::max(inner, inner_size(layer));
    norms[0] = norms[0] || layer.attention;
    norms[1] = norms[1] || layer.ffn;
  }
};
Widest widest_of(const TrainedWeights& w) {
  Widest widest;
  for (const model::Layer& layer : w.arch().layers) widest.cover(layer);
  return widest;
}

void reserve_record(const TrainedWeights& w, int64_t tokens, const Widest& widest, Reserve* reserve,
                    LayerRecord* record) {
  (*reserve)(&record->qkv, tokens * 3 * widest.attention);
  (*reserve)(&record->context, tokens * widest.attention);
  (*reserve)(&record->inner, tokens * widest.inner);
  for (const size_t i : {0u, 1u}) {
    if (!widest.norms[i]) continue;
    (*reserve)(&record->normed[i], tokens * w.arch().hidden_size);
    (*reserve)(&record->inverse[i], tokens);
  }
}

// DistilBERT leaves the result of attention alone, ALBERT that of the feed-forward (transformers,
// modeling_distilbert.py, TransformerBlock; modeling_albert.py, AlbertLayer).
bool drops(const TrainedWeights& w, Site site) {
  const model::Family family = w.arch().family;
  if (site == Site::attention_out) return family != model::Family::distilbert;
  return site != Site::ffn_out || family != model::Family::albert;
}

const float* values(const TrainedWeights& w, model::ParameterId id) { return w[id].used(); }

// out [T, H] = LayerNorm(x + drop(projected)), and what the backward pass needs of it.
void add_norm(const TrainedWeights& w, const model::LayerNorm& norm, Site site, int64_t index,
              const Batch& batch, const Dropout& dropout, const Crew& crew, const float* x,
              float* projected, float* normed, float* inverse, float* out) {
  const int64_t hidden = w.arch().hidden_size;
  const Range mine = crew.part(batch.tokens());
  if (drops(w, site)) {
    drop_tokens(w.grad(), dropout, site, index, batch, mine.begin, mine.end, projected, hidden,
                hidden);
  }
  const int64_t at = mine.begin * hidden;
  const auto units = w.hidden_units();
  int64_t n = hidden;  // units that count
  if (!units.empty()) {
    n = static_cast<int64_t>(units.size());
    gather_units(units, x + at, mine.count(), hidden, out + at);
    gather_units(units, projected + at, mine.count(), hidden, projected + at);
    x = out;
  }
  w.grad().layer_norm(x + at, n, projected + at, n, mine.count(), n, values(w, norm.weight),
                      values(w, norm.bias), w.arch().layer_norm_eps, normed + mine.begin * n,
                      inverse + mine.begin, out + at, n);
  if (!units.empty()) spread_units(units, out + at, mine.count(), hidden, out + at);
  crew.meet();
}

// Adds the column sums of dy * factor [T, H], of dy alone where that is null, to the gradient of a
// vector. The threads do not meet.
void add_column_sums(TrainedWeights* w, model::ParameterId id, const Crew& crew, const float* dy,
                     const float* factor, int64_t tokens, int64_t hidden) {
  float* const gradient = w->gradient(id);
  if (!gradient) return;
  if (crew.leads()) (*w)[id].reached = true;
  const Range c = crew.part(hidden, kernels::kLane);
  if (c.count() <= 0) return;
  w->grad().column_sums(dy + c.begin, hidden, factor ? factor + c.begin : nullptr,
                        factor ? hidden : 0, tokens, c.count(), gradient + c.begin);
}

// d, the gradient of LayerNorm(x + drop(projected)), becomes that of x; d_projected: of projected.
void add_norm_backward(TrainedWeights* w, const model::LayerNorm& norm, Site site, int64_t index,
                       const Batch& batch, const Dropout& dropout, const Crew& crew,
                       const float* normed, const float* inverse, float* d, float* d_projected) {
  const int64_t hidden = w->arch().hidden_size;
  const Range mine = crew.part(batch.tokens());
  const int64_t at = mine.begin * hidden;
  norm_backward(w, norm, crew, normed, inverse, batch.tokens(), d, d_projected);
  std::copy_n(d + at, mine.count() * hidden, d_projected + at);
  if (drops(*w, site)) {
    drop_tokens(w->grad(), dropout, site, index, batch, mine.begin, mine.end, d_projected, hidden,
                hidden);
  }
  crew.meet();
}

// The same for a sublayer without units, whose product is the bias of its output.
void bias_norm_backward(TrainedWeights* w, const model::Linear& output,
                        const model::LayerNorm& norm, Site site, int64_t index, const Batch& batch,
                        const Dropout& dropout, const Crew& crew, const float* normed,
                        const float* inverse, float* d, float* d_projected) {
  add_norm_backward(w, norm, site, index, batch, dropout, crew, normed, inverse, d, d_projected);
  add_column_sums(w, output.bias, crew, d_projected, nullptr, batch.tokens(),
                  w->arch().hidden_size);
  crew.meet();
}

// activated [T, F] = f(inner).
void activate(const TrainedWeights& w, const Crew& crew, int64_t tokens, int64_t width,
              const float* inner, float* activated) {
  const int64_t ld = round_up(width);
  const Range mine = crew.part(tokens);
  for (int64_t t = mine.begin; t < mine.end; ++t) {
    std::copy_n(inner + t * ld, width, activated + t * ld);
    w.kernels().activate(w.arch().activation, activated + t * ld, width);
  }
  crew.meet();
}

// What the feed-forward read: the attention's result, or the layer's input if it has no attention.
const float* middle_again(const TrainedWeights& w, const model::Layer& layer, const Crew& crew,
                          int64_t tokens, const float* x, const LayerRecord& record,
                          LayerScratch* scratch) {
  if (!layer.attention) return x;
  const int64_t hidden = w.arch().hidden_size;
  const Range mine = crew.part(tokens);
  const auto units = w.hidden_units();
  const int64_t n = units.empty() ? hidden : static_cast<int64_t>(units.size());
  float* middle = scratch->middle.data() + mine.begin * hidden;
  w.grad().scale_and_shift(record.normed[0].data() + mine.begin * n, n, mine.count(), n,
                           values(w, layer.attention->norm.weight),
                           values(w, layer.attention->norm.bias), middle, n);
  if (!units.empty()) spread_units(units, middle, mine.count(), hidden, middle);
  crew.meet();
  return scratch->middle.data();
}

}  // namespace

LinearSizes largest_products(const model::Architecture& arch, int64_t rows) {
  LinearSizes largest{.rows = rows, .out = arch.hidden_size, .in = arch.hidden_size};
  if (const auto& up = arch.embeddings.word_up) largest.in = std::max(largest.in, up->in);
  largest.out = std::max(largest.out, arch.embedding_size());
  largest.in = std::max(largest.in, arch.embedding_size());
  for (const model::Layer& layer : arch.layers) {
    const int64_t size = attention_size(layer);
    const int64_t inner = layer.ffn ? layer.ffn->in.out : 0;
    largest.out = std::max({largest.out, 3 * size, inner});
    largest.in = std::max({largest.in, size, inner});
  }
  return largest;
}

void reserve_layer(const TrainedWeights& w, const model::Layer& layer, int64_t tokens,
                   Reserve* reserve, LayerRecord* record) {
  Widest widest;
  widest.cover(layer);
  reserve_record(w, tokens, widest, reserve, record);
}

void reserve_shared_layer(const TrainedWeights& w, int64_t tokens, Reserve* reserve,
                          LayerRecord* record) {
  reserve_record(w, tokens, widest_of(w), reserve, record);
}

void reserve_scratch(const TrainedWeights& w, const BatchShape& batch, int64_t threads,
                     bool backward, Reserve* reserve, LayerScratch* scratch) {
  const int64_t hidden = w.arch().hidden_size, tokens = batch.tokens;
  const Widest widest = widest_of(w);
  (*reserve)(&scratch->middle, tokens * hidden);
  (*reserve)(&scratch->projected, tokens * hidden);
  (*reserve)(&scratch->activated, tokens * widest.inner);
  if (backward) {
    (*reserve)(&scratch->d_out, tokens * hidden);
    (*reserve)(&scratch->d_inner, tokens * widest.inner);
    (*reserve)(&scratch->d_context, tokens * widest.attention);
    (*reserve)(&scratch->d_qkv, tokens * 3 * widest.attention);
  }
  if (reserve->allocates())
    scratch->attention.resize(std::max(scratch->attention.size(), static_cast<size_t>(threads)));
  for (int64_t i = 0; widest.attention > 0 && i < threads; ++i) {
    AttentionScratch counted;
    reserve_attention(
        w, w.arch().head_size, batch.longest, backward, reserve,
        reserve->allocates() ? &scratch->attention[static_cast<size_t>(i)] : &counted);
  }
}

void norm_gradient(TrainedWeights* w, const model::LayerNorm& norm, const Crew& crew,
                   const float* dy, const float* normed, int64_t tokens, int64_t hidden) {
  add_column_sums(w, norm.weight, crew, dy, normed, tokens, hidden);
  add_column_sums(w, norm.bias, crew, dy, nullptr, tokens, hidden);
  crew.meet();
}

void norm_backward(TrainedWeights* w, const model::LayerNorm& norm, const Crew& crew,
                   const float* normed, const float* inverse, int64_t tokens, float* d,
                   float* scratch) {
  const auto hidden = static_cast<int64_t>((*w)[norm.weight].value.size());
  const Range mine = crew.part(tokens);
  const auto units = w->hidden_units();
  float* const full = d + mine.begin * hidden;
  int64_t n = hidden;  // units that count
  if (!units.empty()) {
    n = static_cast<int64_t>(units.size());
    gather_units(units, full, mine.count(), hidden, scratch + mine.begin * n);
    crew.meet();
    d = scratch;
  }
  norm_gradient(w, norm, crew, d, normed, tokens, n);
  float* const rows = d + mine.begin * n;
  w->grad().layer_norm_backward(rows, n, normed + mine.begin * n, n, inverse + mine.begin,
                                mine.count(), n, (*w)[norm.weight].used(), rows, n);
  if (units.empty()) return;
  spread_units(units, rows, mine.count(), hidden, full);
  crew.meet();
}

SublayerInputs sublayer_inputs(const TrainedWeights& w, Sublayer sublayer, int64_t index,
                               const Batch& batch, const Dropout& dropout, const Crew& crew,
                               const float* x, LayerRecord* record, LayerScratch* s) {
  const model::Layer& layer = w.layer(index);
  const int64_t hidden = w.arch().hidden_size, tokens = batch.tokens();
  if (sublayer == Sublayer::attention) {
    const model::Attention& a = *layer.attention;
    if (a.heads == 0) return {};
    const int64_t size = a.query.out, ld = 3 * size;
    float* qkv = record->qkv.data();
    linear_forward(w, w.linear(a.query), crew, x, hidden, tokens, qkv, ld, &s->linear);
    attention_forward(w, {a.heads, w.arch().head_size}, index, batch, dropout, crew, qkv,
                      qkv + size, qkv + 2 * size, ld, record->context.data(), size,
                      &s->attention[static_cast<size_t>(crew.rank)]);
    return {record->context.data(), size};
  }
  const model::FeedForward& ffn = *layer.ffn;
  if (ffn.in.out == 0) return {};
  const int64_t width = ffn.in.out, ld = round_up(width);
  linear_forward(w, w.linear(ffn.in), crew, x, hidden, tokens, record->inner.data(), ld,
                 &s->linear);
  activate(w, crew, tokens, width, record->inner.data(), s->activated.data());
  return {s->activated.data(), ld};
}

const float* sublayer_products(const TrainedWeights& w, Sublayer sublayer, int64_t index,
                               const Batch& batch, const Crew& crew, const SublayerInputs& inputs,
                               LayerScratch* s) {
  const model::Layer& layer = w.layer(index);
  const model::Linear& output =
      sublayer == Sublayer::attention ? layer.attention->output : layer.ffn->out;
  if (!output.has_weight()) {
    const Range mine = crew.part(batch.tokens());
    for (int64_t t = mine.begin; t < mine.end; ++t)
      std::copy_n(values(w, output.bias), output.out, s->projected.data() + t * output.out);
    crew.meet();
    return s->projected.data();
  }
  linear_forward(w, w.linear(output), crew, inputs.rows, inputs.ld, batch.tokens(),
                 s->projected.data(), w.arch().hidden_size, &s->linear);
  return s->projected.data();
}

void sublayer_norm(const TrainedWeights& w, Sublayer sublayer, int64_t index, const Batch& batch,
                   const Dropout& dropout, const Crew& crew, const float* x, LayerRecord* record,
                   float* output, LayerScratch* s) {
  const model::Layer& layer = w.layer(index);
  const bool attention = sublayer == Sublayer::attention;
  add_norm(w, attention ? layer.attention->norm : layer.ffn->norm,
           attention ? Site::attention_out : Site::ffn_out, index, batch, dropout, crew, x,
           s->projected.data(), record->normed[attention ? 0 : 1].data(),
           record->inverse[attention ? 0 : 1].data(), output);
}

void layer_forward(const TrainedWeights& w, int64_t index, const Batch& batch,
                   const Dropout& dropout, const Crew& crew, const float* x, LayerRecord* record,
                   float* output, LayerScratch* s) {
  const model::Layer& layer = w.layer(index);
  const auto run = [&](Sublayer sublayer, float* out) {
    const SublayerInputs inputs =
        sublayer_inputs(w, sublayer, index, batch, dropout, crew, x, record, s);
    sublayer_products(w, sublayer, index, batch, crew, inputs, s);
    sublayer_norm(w, sublayer, index, batch, dropout, crew, x, record, out, s);
    x = out;
  };
  if (layer.attention) run(Sublayer::attention, layer.ffn ? s->middle.data() : output);
  if (layer.ffn) run(Sublayer::ffn, output);
  if (x != output) {
    const Range mine = crew.part(batch.tokens() * w.arch().hidden_size, kernels::kLane);
    std::copy_n(x + mine.begin, mine.count(), output + mine.begin);
    crew.meet();
  }
}

void layer_backward(TrainedWeights* w, int64_t index, const Batch& batch, const Dropout& dropout,
                    const Crew& crew, const float* x, const LayerRecord& record, bool below,
                    float* d, LayerScratch* s) {
  const model::Layer& layer = w->layer(index);
  const int64_t hidden = w->arch().hidden_size, tokens = batch.tokens();
  float* d_out = s->d_out.data();
  if (layer.ffn && layer.ffn->in.out == 0) {
    bias_norm_backward(w, layer.ffn->out, layer.ffn->norm, Site::ffn_out, index, batch, dropout,
                       crew, record.normed[1].data(), record.inverse[1].data(), d, d_out);
  } else if (const auto& ffn = layer.ffn) {
    const int64_t width = ffn->in.out, ld = round_up(width);
    const TrainedLinear &in = w->linear(ffn->in), &out = w->linear(ffn->out);
    float *activated = s->activated.data(), *d_inner = s->d_inner.data();
    add_norm_backward(w, ffn->norm, Site::ffn_out, index, batch, dropout, crew,
                      record.normed[1].data(), record.inverse[1].data(), d, d_out);
    activate(*w, crew, tokens, width, record.inner.data(), activated);
    linear_weight_gradient(w, out, crew, d_out, hidden, activated, ld, tokens, &s->linear);
    linear_input_gradient(*w, out, crew, d_out, hidden, tokens, d_inner, ld, false, &s->linear);
    const Range mine = crew.part(tokens);
    for (int64_t t = mine.begin; t < mine.end; ++t) {
      w->grad().activate_backward(w->arch().activation, record.inner.data() + t * ld,
                                  d_inner + t * ld, width);
    }
    crew.meet();
    const float* middle = middle_again(*w, layer, crew, tokens, x, record, s);
    linear_weight_gradient(w, in, crew, d_inner, ld, middle, hidden, tokens, &s->linear);
    if (below || layer.attention)
      linear_input_gradient(*w, in, crew, d_inner, ld, tokens, d, hidden, true, &s->linear);
  }
  if (layer.attention && layer.attention->heads == 0) {
    bias_norm_backward(w, layer.attention->output, layer.attention->norm, Site::attention_out,
                       index, batch, dropout, crew, record.normed[0].data(),
                       record.inverse[0].data(), d, d_out);
  } else if (const auto& a = layer.attention) {
    const int64_t size = a->query.out, ld = 3 * size;
    const TrainedLinear &out = w->linear(a->output), &in = w->linear(a->query);
    float* d_qkv = s->d_qkv.data();
    add_norm_backward(w, a->norm, Site::attention_out, index, batch, dropout, crew,
                      record.normed[0].data(), record.inverse[0].data(), d, d_out);
    linear_weight_gradient(w, out, crew, d_out, hidden, record.context.data(), size, tokens,
                           &s->linear);
    linear_input_gradient(*w, out, crew, d_out, hidden, tokens, s->d_context.data(), size, false,
                          &s->linear);
    const float* qkv = record.qkv.data();
    attention_backward(*w, {a->heads, w->arch().head_size}, index, batch, dropout, crew, qkv,
                       qkv + size, qkv + 2 * size, ld, s->d_context.data(), size, d_qkv,
                       d_qkv + size, d_qkv + 2 * size,
                       &s->attention[static_cast<size_t>(crew.rank)]);
    linear_weight_gradient(w, in, crew, d_qkv, ld, x, hidden, tokens, &s->linear);
    if (below) linear_input_gradient(*w, in, crew, d_qkv, ld, tokens, d, hidden, true, &s->linear);
  }
}

}  // namespace costeff::grad
