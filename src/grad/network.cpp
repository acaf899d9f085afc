#include "grad/network.h"

#include <costeff/error.h>

#include <algorithm>

namespace costeff::grad {
namespace {

// The first of the hidden states that it pools, up to head.layer.
int64_t first_state(const model::Head& head) { return head.layer - head.last_n_hidden + 1; }

// Exits that a loss reads.
bool is_read(const HeadGradient& g) { return g.logits || g.uncertain; }

}  // namespace

Network::Network(TrainedWeights* weights, std::vector<model::Head> more)
    : w_(*weights),
      heads_(w_.arch().heads),
      states_(w_.arch().layers.size() + 1),
      layer_records_(std::max<size_t>(1, w_.arch().layers.size())),
      head_records_(heads_.size() + more.size()) {
  heads_.insert(heads_.end(), more.begin(), more.end());
  for (auto& pools : pools_) pools.resize(states_.size());
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

int64_t Network::top_of(const ForwardOptions& options) const {
  if (options.hidden) return layers();
  int64_t top = 0;
  for (size_t e = 0; e < heads_.size(); ++e) {
    if (options.wanted.empty() || options.wanted[e]) top = std::max(top, heads_[e].layer);
  }
  return top;
}

void Network::reserve_exits(const BatchShape& batch, int64_t threads, bool backward,
                            Reserve* reserve) {
  const model::Architecture& arch = w_.arch();
  const int64_t hidden = arch.hidden_size;
  LinearSizes largest{.rows = batch.rows, .out = arch.num_labels, .in = 1};
  if (batch.tokens > 0) {
    largest = largest_products(arch, std::max(batch.tokens, batch.rows));
    largest.out = std::max(largest.out, arch.num_labels);
  }
  for (size_t e = 0; e < heads_.size(); ++e) {
    reserve_head(heads_[e], hidden, batch.rows, reserve, &head_records_[e]);
    const int64_t size = pooled_size(heads_[e], hidden);
    largest.out = std::max({largest.out, size, heads_[e].classifier.out});
    largest.in = std::max({largest.in, joined_size(heads_[e], hidden), size});
  }
  for (SharedMap& shared : shared_) {
    if (!backward) continue;
    const int64_t rows = batch.rows * static_cast<int64_t>(shared.users.size());
    (*reserve)(&shared.d, rows * shared.map->out());
    (*reserve)(&shared.x, rows * shared.map->in());
    largest.rows = std::max(largest.rows, rows);
  }
  reserve_linear(w_, largest, threads, backward, reserve, &scratch_.linear);
  for (size_t p = 0; p < 2; ++p) {
    if (!pools(p)) continue;
    const int64_t all = (layers() + 1) * batch.rows * hidden;
    (*reserve)(&pooled_[p], all);
    if (backward) (*reserve)(&d_pooled_[p], all);
  }
}

void Network::reserve_all(const BatchShape& batch, int64_t threads, const ForwardOptions& options,
                          Reserve* reserve) {
  const model::Architecture& arch = w_.arch();
  const int64_t tokens = batch.tokens, hidden = arch.hidden_size, top = top_of(options);
  const bool backward = options.keep && w_.any_trained();
  reserve_exits(batch, threads, backward, reserve);
  if (tokens == 0) return;
  const bool all_states = options.keep || options.hidden;
  for (int64_t i = 0; i <= (all_states ? top : std::min<int64_t>(top, 1)); ++i)
    (*reserve)(&states_[static_cast<size_t>(i)], tokens * hidden);
  reserve_embedding(w_, tokens, reserve, &embedding_);
  if (options.keep) {
    for (int64_t i = 0; i < top; ++i) {
      const auto at = static_cast<size_t>(i);
      reserve_layer(w_, arch.layers[at], tokens, reserve, &layer_records_[at]);
    }
  } else {
    reserve_shared_layer(w_, tokens, reserve, &layer_records_[0]);
  }
  reserve_scratch(w_, batch, threads, backward, reserve, &scratch_);
  if (!backward) return;
  (*reserve)(&d_, tokens * hidden);
  if (arch.embeddings.map) (*reserve)(&d_unmapped_, tokens * arch.embedding_size());
  if (arch.embeddings.word_up) (*reserve)(&d_rank_, tokens * arch.embeddings.word_up->in);
}

int64_t Network::bytes(const BatchShape& batch, int64_t threads, const ForwardOptions& options) {
  Reserve counted(Reserve::Mode::count);
  reserve_all(batch, threads, options, &counted);
  return counted.bytes();
}

void Network::make_room(const BatchShape& batch, int64_t threads, const ForwardOptions& options) {
  Reserve allocated(Reserve::Mode::allocate);
  reserve_all(batch, threads, options, &allocated);
}

void Network::reserve(const Batch& batch, int64_t threads, const ForwardOptions& options) {
  const int64_t hidden = w_.arch().hidden_size;
  make_room(shape_of(batch), threads, options);
  rows_ = batch.rows();
  keep_ = options.keep;
  all_states_ = options.keep || options.hidden;
  if (batch.tokens() > 0) prepare_embedding(w_, batch, &embedding_);
  deepest_ = batch.tokens() > 0 ? w_.lowest_trained() : layers() + 1;
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

void Network::pool(const Batch& batch, int64_t i, const Crew& crew) {
  const int64_t hidden = w_.arch().hidden_size;
  for (const model::Pooling pooling : {model::Pooling::first, model::Pooling::mean}) {
    if (!reads(pooling, i)) continue;
    pool_forward(pooling, batch, hidden, crew, state(i),
                 pooled_[pooling_index(pooling)].data() + i * rows_ * hidden);
  }
}

void Network::heads_forward(const Batch& batch, const Dropout& dropout, const Crew& crew,
                            const ForwardOptions& options) {
  for (size_t e = 0; e < heads_.size(); ++e) {
    if (!options.wanted.empty() && !options.wanted[e]) continue;
    head_forward(w_, heads_[e], static_cast<int64_t>(e), batch, dropout, crew,
                 head_records_[e].history, &head_records_[e], &scratch_.linear);
  }
}

void Network::forward(const Batch& batch, const Dropout& dropout, const Crew& crew,
                      const ForwardOptions& options) {
  const int64_t top = top_of(options);
  embedding_forward(w_, batch, dropout, crew, &embedding_, state(0), &scratch_.linear);
  pool(batch, 0, crew);
  for (int64_t i = 0; i < top; ++i) {
    layer_forward(w_, i, batch, dropout, crew, state(i), record(i), state(i + 1), &scratch_);
    pool(batch, i + 1, crew);
  }
  heads_forward(batch, dropout, crew, options);
}

void Network::forward_from_pooled(const Batch& batch, const Dropout& dropout, const Crew& crew,
                                  const PooledStates& states, const ForwardOptions& options) {
  const int64_t hidden = w_.arch().hidden_size;
  const Range mine = crew.part(rows_);
  for (const model::Pooling pooling : {model::Pooling::first, model::Pooling::mean}) {
    for (int64_t i = 0; i <= layers(); ++i) {
      if (!reads(pooling, i) || mine.count() == 0) continue;
      states.fill(states.context, pooling, i, mine,
                  pooled_[pooling_index(pooling)].data() + (i * rows_ + mine.begin) * hidden);
    }
  }
  crew.meet();
  heads_forward(batch, dropout, crew, options);
}

void Network::backward(const Batch& batch, const Dropout& dropout, const Crew& crew,
                       const BackwardOptions& options) {
  const int64_t hidden = w_.arch().hidden_size, tokens = batch.tokens();
  const int64_t one = rows_ * hidden;
  const Range mine = crew.part(tokens * hidden, kernels::kLane);
  if (mine.count() > 0) std::fill_n(d_.data() + mine.begin, mine.count(), 0.0f);
  for (size_t p = 0; p < 2; ++p) {
    if (!pools(p)) continue;
    const Range part = crew.part((layers() + 1) * one, kernels::kLane);
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
        pool_backward(w_.grad(), pooling, batch, hidden, crew, d_pooled_[p].data() + i * one, d);
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
    const bool below = i > deepest_;
    w_.begin_layer(i - 1, crew);
    layer_backward(&w_, i - 1, batch, dropout, crew, state(i - 1), *record(i - 1), below, d,
                   &scratch_);
    if (below && i > 1) rescale(above);
  }
  w_.add_up_layers(crew);
  if (deepest_ > 0) return;
  add_losses(0);
  embedding_backward(&w_, batch, dropout, crew, embedding_, d, scratch_.d_out.data(),
                     d_unmapped_.data(), d_rank_.data(), &scratch_.linear);
}

}  // namespace costeff::grad
