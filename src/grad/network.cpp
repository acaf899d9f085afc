#include "grad/network.h"

#include <costeff/error.h>

#include <algorithm>

namespace costeff::grad {
namespace {

using kernels::round_up;

size_t pooling_index(model::Pooling p) { return p == model::Pooling::mean ? 1 : 0; }

// The first of the hidden states that it pools, up to head.layer.
int64_t first_state(const model::Head& head) { return head.layer - head.last_n_hidden + 1; }

// Exits that a loss reads.
bool is_read(const HeadGradient& g) { return g.logits || g.uncertain; }

}  // namespace

Network::Network(TrainedWeights* weights, std::vector<model::Head> more)
    : w_(*weights),
      heads_(w_.arch().heads),
      layer_records_(w_.arch().layers.size()),
      head_records_(heads_.size() + more.size()) {
  heads_.insert(heads_.end(), more.begin(), more.end());
  for (auto& pools : pools_) pools.resize(layer_records_.size() + 1);
  for (const model::Head& head : heads_) {
    if (head.pooling == model::Pooling::tokens)
      throw_model("question answering is not trained, expected a classifier or a regression");
    for (int64_t i = first_state(head); i <= head.layer; ++i)
      pools_[pooling_index(head.pooling)][static_cast<size_t>(i)] = true;
  }
  for (const bool lte : {false, true}) {
    for (size_t e = 0; e < heads_.size(); ++e) {
      const auto& map = lte ? heads_[e].lte : heads_[e].pooler;
      if (!map) continue;
      const TrainedLinear* trained = &w_.linear(*map);
      const auto same = std::find_if(shared_.begin(), shared_.end(),
                                     [&](const SharedMap& s) { return s.map == trained; });
      if (same != shared_.end()) {
        same->users.push_back(e);
      } else {
        shared_.push_back({.map = trained, .lte = lte, .users = {e}, .d = {}, .x = {}});
      }
    }
  }
  std::erase_if(shared_, [](const SharedMap& s) { return s.users.size() < 2; });
}

bool Network::is_shared(const std::optional<model::Linear>& l) const {
  return l && std::any_of(shared_.begin(), shared_.end(),
                          [&](const SharedMap& s) { return s.map == &w_.linear(*l); });
}

void Network::reserve(const Batch& batch, int64_t threads) {
  const model::Architecture& arch = w_.arch();
  const int64_t tokens = batch.tokens(), hidden = arch.hidden_size;
  rows_ = batch.rows();
  prepare_embedding(w_, batch, &embedding_);
  for (size_t i = 0; i < layer_records_.size(); ++i)
    reserve_layer(w_, arch.layers[i], tokens, &layer_records_[i]);
  last_.reserve(tokens * hidden);
  d_.reserve(tokens * hidden);
  if (arch.embeddings.word_up) d_rank_.reserve(tokens * arch.embeddings.word_up->in);
  reserve_scratch(w_, tokens, threads, &scratch_);
  int64_t out = arch.num_labels, in = arch.embeddings.word_up ? arch.embeddings.word_up->in : 1;
  for (size_t e = 0; e < heads_.size(); ++e) {
    reserve_head(heads_[e], hidden, rows_, &head_records_[e]);
    out = std::max({out, pooled_size(heads_[e], hidden), heads_[e].classifier.out});
    in = std::max({in, joined_size(heads_[e], hidden), pooled_size(heads_[e], hidden)});
  }
  int64_t users = 1;
  for (SharedMap& shared : shared_) {
    const auto n = static_cast<int64_t>(shared.users.size());
    shared.d.reserve(rows_ * n * shared.map->out());
    shared.x.reserve(rows_ * n * shared.map->in());
    users = std::max(users, n);
  }
  scratch_.linear.reserve(w_, std::max(tokens, rows_ * users), std::max(out, hidden),
                          std::max(in, hidden), threads);
  for (size_t p = 0; p < 2; ++p) {
    if (!pools(p)) continue;
    pooled_[p].reserve((layers() + 1) * rows_ * hidden);
    d_pooled_[p].reserve((layers() + 1) * rows_ * hidden);
  }
  deepest_ = 0;
  while (deepest_ <= layers() && !trains_below(deepest_)) ++deepest_;
  for (size_t e = 0; e < heads_.size(); ++e) {
    const model::Head& head = heads_[e];
    const size_t p = pooling_index(head.pooling);
    HeadRecord& r = head_records_[e];
    r.history.clear();
    r.d_history.clear();
    for (int64_t i = first_state(head); i <= head.layer; ++i) {
      const int64_t at = i * rows_ * hidden;
      r.history.push_back(pooled_[p].data() + at);
      r.d_history.push_back(i < deepest_ ? nullptr : d_pooled_[p].data() + at);
    }
  }
}

void Network::forward(const Batch& batch, const Dropout& dropout, const Crew& crew,
                      std::span<const bool> wanted) {
  const int64_t hidden = w_.arch().hidden_size;
  float* x = layer_records_.empty() ? last_.data() : layer_records_[0].input.data();
  embedding_forward(w_, batch, dropout, crew, &embedding_, x, &scratch_.linear);
  for (int64_t i = 0; i < layers(); ++i) {
    float* output =
        i + 1 == layers() ? last_.data() : layer_records_[static_cast<size_t>(i) + 1].input.data();
    layer_forward(w_, i, batch, dropout, crew, &layer_records_[static_cast<size_t>(i)], output,
                  &scratch_);
  }
  for (const model::Pooling pooling : {model::Pooling::first, model::Pooling::mean}) {
    const size_t p = pooling_index(pooling);
    for (int64_t i = 0; i <= layers(); ++i) {
      if (pools_[p][static_cast<size_t>(i)])
        pool_forward(pooling, batch, hidden, crew, hidden_state(i),
                     pooled_[p].data() + i * rows_ * hidden);
    }
  }
  for (size_t e = 0; e < heads_.size(); ++e) {
    if (!wanted.empty() && !wanted[e]) continue;
    head_forward(w_, heads_[e], static_cast<int64_t>(e), batch, dropout, crew,
                 head_records_[e].history, &head_records_[e], &scratch_.linear);
  }
}

bool Network::trains_below(int64_t layer) const {
  for (int64_t id = 0; id < w_.count(); ++id) {
    const TrainedParameter& p = w_[static_cast<model::ParameterId>(id)];
    const model::Parameter& about = w_.model().parameters[static_cast<model::ParameterId>(id)];
    if (!p.value.empty() && !p.frozen && about.role < model::Role::pooler && about.layer <= layer)
      return true;
  }
  return false;
}

void Network::backward(const Batch& batch, const Dropout& dropout, const Crew& crew,
                       const BackwardOptions& options) {
  const int64_t hidden = w_.arch().hidden_size, tokens = batch.tokens();
  const int64_t state = rows_ * hidden;
  const Range mine = crew.part(tokens * hidden, kernels::kLane);
  std::fill_n(d_.data() + mine.begin, mine.count(), 0.0f);
  for (size_t p = 0; p < 2; ++p) {
    if (!pools(p)) continue;
    const Range part = crew.part((layers() + 1) * state, kernels::kLane);
    std::fill_n(d_pooled_[p].data() + part.begin, part.count(), 0.0f);
  }
  crew.meet();
  for (size_t e = 0; e < heads_.size(); ++e) {
    if (!is_read(options.exits[e])) continue;
    const model::Head& head = heads_[e];
    head_backward(&w_, head, static_cast<int64_t>(e), batch, dropout, crew, options.exits[e],
                  head_records_[e].d_history, is_shared(head.pooler), is_shared(head.lte),
                  &head_records_[e], &scratch_.linear);
  }
  for (SharedMap& shared : shared_)
    shared_gradient(&w_, &shared, rows_, crew, options.exits, head_records_, &scratch_.linear);
  float* d = d_.data();
  const auto add_losses = [&](int64_t i) {
    for (const model::Pooling pooling : {model::Pooling::first, model::Pooling::mean}) {
      const size_t p = pooling_index(pooling);
      if (pools_[p][static_cast<size_t>(i)])
        pool_backward(w_.grad(), pooling, batch, hidden, crew, d_pooled_[p].data() + i * state, d);
    }
    if (options.hidden) {
      options.hidden.add(options.hidden.context, i, hidden_state(i), d, crew);
      crew.meet();
    }
  };
  const auto rescale = [&](float by) {
    if (!options.rescale) return;
    w_.grad().scale(d + mine.begin, by, mine.count(), d + mine.begin);
    crew.meet();
  };
  // Layers above all that is read have no gradient.
  int64_t top = options.hidden ? layers() : 0;
  for (size_t e = 0; e < heads_.size(); ++e)
    if (is_read(options.exits[e])) top = std::max(top, heads_[e].layer);
  for (int64_t i = top; i >= std::max<int64_t>(deepest_, 1); --i) {
    add_losses(i);
    const auto above = static_cast<float>(layers() - i + 1);  // exits at or above layer i
    rescale(1 / above);
    layer_backward(&w_, i - 1, batch, dropout, crew, layer_records_[static_cast<size_t>(i) - 1], d,
                   &scratch_);
    if (i > 1) rescale(above);
  }
  if (deepest_ > 0) return;
  add_losses(0);
  embedding_backward(&w_, batch, dropout, crew, embedding_, d, d_rank_.data(), &scratch_.linear);
}

}  // namespace costeff::grad
