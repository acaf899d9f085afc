#include "grad/layer.h"

#include <algorithm>

namespace costeff::grad {
namespace {

using kernels::round_up;

// Queries, keys and values begin aligned.
int64_t stride_of(const model::Layer& layer) {
  return layer.attention ? round_up(layer.attention->query.out) : 0;
}

const float* values(const TrainedWeights& w, model::ParameterId id) { return w[id].value.data(); }

// out [T, H] = LayerNorm(x + drop(projected)), and what the backward pass needs of it.
void add_norm(const TrainedWeights& w, const model::LayerNorm& norm, Site site, int64_t index,
              const Batch& batch, const Dropout& dropout, const Crew& crew, const float* x,
              float* projected, float* normed, float* inverse, float* out) {
  const int64_t hidden = w.arch().hidden_size;
  const Range mine = crew.part(batch.tokens());
  drop_tokens(w.grad(), dropout, site, index, batch, mine.begin, mine.end, projected, hidden,
              hidden);
  const int64_t at = mine.begin * hidden;
  w.grad().layer_norm(x + at, hidden, projected + at, hidden, mine.count(), hidden,
                      values(w, norm.weight), values(w, norm.bias), w.arch().layer_norm_eps,
                      normed + at, inverse + mine.begin, out + at, hidden);
  crew.meet();
}

// d, the gradient of LayerNorm(x + drop(projected)), becomes that of x; d_projected: of projected.
void add_norm_backward(TrainedWeights* w, const model::LayerNorm& norm, Site site, int64_t index,
                       const Batch& batch, const Dropout& dropout, const Crew& crew,
                       const float* normed, const float* inverse, float* d, float* d_projected) {
  const int64_t hidden = w->arch().hidden_size;
  norm_gradient(w, norm, crew, d, normed, batch.tokens(), hidden);
  const Range mine = crew.part(batch.tokens());
  const int64_t at = mine.begin * hidden;
  w->grad().layer_norm_backward(d + at, hidden, normed + at, hidden, inverse + mine.begin,
                                mine.count(), hidden, values(*w, norm.weight), d + at, hidden);
  std::copy_n(d + at, mine.count() * hidden, d_projected + at);
  drop_tokens(w->grad(), dropout, site, index, batch, mine.begin, mine.end, d_projected, hidden,
              hidden);
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
                          int64_t tokens, const LayerRecord& record, LayerScratch* scratch) {
  if (!layer.attention) return record.input.data();
  const int64_t hidden = w.arch().hidden_size;
  const Range mine = crew.part(tokens);
  const int64_t at = mine.begin * hidden;
  w.grad().scale_and_shift(record.normed[0].data() + at, hidden, mine.count(), hidden,
                           values(w, layer.attention->norm.weight),
                           values(w, layer.attention->norm.bias), scratch->middle.data() + at,
                           hidden);
  crew.meet();
  return scratch->middle.data();
}

}  // namespace

void reserve_layer(const TrainedWeights& w, const model::Layer& layer, int64_t tokens,
                   LayerRecord* record) {
  const int64_t hidden = w.arch().hidden_size, stride = stride_of(layer);
  record->input.reserve(tokens * hidden);
  if (layer.attention) {
    record->qkv.reserve(tokens * 3 * stride);
    record->context.reserve(tokens * stride);
    record->normed[0].reserve(tokens * hidden);
    record->inverse[0].reserve(tokens);
  }
  if (layer.ffn) {
    record->inner.reserve(tokens * round_up(layer.ffn->in.out));
    record->normed[1].reserve(tokens * hidden);
    record->inverse[1].reserve(tokens);
  }
}

void reserve_scratch(const TrainedWeights& w, int64_t tokens, int64_t threads,
                     LayerScratch* scratch) {
  const int64_t hidden = w.arch().hidden_size;
  int64_t stride = 0, inner = 0;
  for (const model::Layer& layer : w.arch().layers) {
    stride = std::max(stride, stride_of(layer));
    if (layer.ffn) inner = std::max(inner, round_up(layer.ffn->in.out));
  }
  const int64_t widest = std::max({hidden, stride, inner});
  scratch->linear.reserve(w, tokens, widest, widest, threads);
  scratch->middle.reserve(tokens * hidden);
  scratch->projected.reserve(tokens * hidden);
  scratch->d_out.reserve(tokens * hidden);
  scratch->activated.reserve(tokens * inner);
  scratch->d_inner.reserve(tokens * inner);
  scratch->d_context.reserve(tokens * stride);
  scratch->d_qkv.reserve(tokens * 3 * stride);
  scratch->attention.resize(std::max(scratch->attention.size(), static_cast<size_t>(threads)));
}

void norm_gradient(TrainedWeights* w, const model::LayerNorm& norm, const Crew& crew,
                   const float* dy, const float* normed, int64_t tokens, int64_t hidden) {
  const Range c = crew.part(hidden, kernels::kLane);
  float* const weight = w->gradient(norm.weight);
  float* const bias = w->gradient(norm.bias);
  if (crew.leads()) {
    if (weight) (*w)[norm.weight].reached = true;
    if (bias) (*w)[norm.bias].reached = true;
  }
  if (c.count() > 0) {
    const float* d = dy + c.begin;
    if (weight)
      w->grad().column_sums(d, hidden, normed + c.begin, hidden, tokens, c.count(),
                            weight + c.begin);
    if (bias) w->grad().column_sums(d, hidden, nullptr, 0, tokens, c.count(), bias + c.begin);
  }
  crew.meet();
}

void layer_forward(const TrainedWeights& w, int64_t index, const Batch& batch,
                   const Dropout& dropout, const Crew& crew, LayerRecord* record, float* output,
                   LayerScratch* s) {
  const model::Layer& layer = w.arch().layers[static_cast<size_t>(index)];
  const int64_t hidden = w.arch().hidden_size, tokens = batch.tokens();
  const float* x = record->input.data();
  float* projected = s->projected.data();
  if (const auto& a = layer.attention) {
    const int64_t stride = stride_of(layer), ld = 3 * stride;
    float* qkv = record->qkv.data();
    int64_t part = 0;
    for (const model::Linear* l : {&a->query, &a->key, &a->value}) {
      linear_forward(w, w.linear(*l), crew, x, hidden, tokens, qkv + part++ * stride, ld,
                     &s->linear);
    }
    attention_forward(w, {a->heads, w.arch().head_size}, index, batch, dropout, crew, qkv,
                      qkv + stride, qkv + 2 * stride, ld, record->context.data(), stride,
                      &s->attention[static_cast<size_t>(crew.rank)]);
    linear_forward(w, w.linear(a->output), crew, record->context.data(), stride, tokens, projected,
                   hidden, &s->linear);
    float* out = layer.ffn ? s->middle.data() : output;
    add_norm(w, a->norm, Site::attention_out, index, batch, dropout, crew, x, projected,
             record->normed[0].data(), record->inverse[0].data(), out);
    x = out;
  }
  if (const auto& ffn = layer.ffn) {
    const int64_t width = ffn->in.out, ld = round_up(width);
    linear_forward(w, w.linear(ffn->in), crew, x, hidden, tokens, record->inner.data(), ld,
                   &s->linear);
    activate(w, crew, tokens, width, record->inner.data(), s->activated.data());
    linear_forward(w, w.linear(ffn->out), crew, s->activated.data(), ld, tokens, projected, hidden,
                   &s->linear);
    add_norm(w, ffn->norm, Site::ffn_out, index, batch, dropout, crew, x, projected,
             record->normed[1].data(), record->inverse[1].data(), output);
    x = output;
  }
  if (x != output) {
    const Range mine = crew.part(tokens * hidden, kernels::kLane);
    std::copy_n(x + mine.begin, mine.count(), output + mine.begin);
    crew.meet();
  }
}

void layer_backward(TrainedWeights* w, int64_t index, const Batch& batch, const Dropout& dropout,
                    const Crew& crew, const LayerRecord& record, float* d, LayerScratch* s) {
  const model::Layer& layer = w->arch().layers[static_cast<size_t>(index)];
  const int64_t hidden = w->arch().hidden_size, tokens = batch.tokens();
  float* d_out = s->d_out.data();
  if (const auto& ffn = layer.ffn) {
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
    const float* middle = middle_again(*w, layer, crew, tokens, record, s);
    linear_weight_gradient(w, in, crew, d_inner, ld, middle, hidden, tokens, &s->linear);
    linear_input_gradient(*w, in, crew, d_inner, ld, tokens, d, hidden, true, &s->linear);
  }
  if (const auto& a = layer.attention) {
    const int64_t stride = stride_of(layer), ld = 3 * stride;
    const TrainedLinear& out = w->linear(a->output);
    float* d_qkv = s->d_qkv.data();
    add_norm_backward(w, a->norm, Site::attention_out, index, batch, dropout, crew,
                      record.normed[0].data(), record.inverse[0].data(), d, d_out);
    linear_weight_gradient(w, out, crew, d_out, hidden, record.context.data(), stride, tokens,
                           &s->linear);
    linear_input_gradient(*w, out, crew, d_out, hidden, tokens, s->d_context.data(), stride, false,
                          &s->linear);
    const float* qkv = record.qkv.data();
    attention_backward(*w, {a->heads, w->arch().head_size}, index, batch, dropout, crew, qkv,
                       qkv + stride, qkv + 2 * stride, ld, s->d_context.data(), stride, d_qkv,
                       d_qkv + stride, d_qkv + 2 * stride,
                       &s->attention[static_cast<size_t>(crew.rank)]);
    int64_t part = 0;
    for (const model::Linear* l : {&a->query, &a->key, &a->value}) {
      const TrainedLinear& map = w->linear(*l);
      const float* dy = d_qkv + part++ * stride;
      linear_weight_gradient(w, map, crew, dy, ld, record.input.data(), hidden, tokens, &s->linear);
      linear_input_gradient(*w, map, crew, dy, ld, tokens, d, hidden, true, &s->linear);
    }
  }
}

}  // namespace costeff::grad
