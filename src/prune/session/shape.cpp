#include "prune/session/shape.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/fail.h"

namespace costeff::prune {
namespace {

constexpr int64_t kRound = 16;
constexpr int64_t kSizes = 1000;  // that are tried between nothing and the whole model

int64_t part_of(int64_t all, double share, bool round) {
  const auto n = std::max<int64_t>(1, std::llround(static_cast<double>(all) * share));
  if (!round || all <= kRound) return n;
  return std::min(all, std::max(kRound, (n + kRound / 2) / kRound * kRound));
}

// Every width by one share of the whole; those that are given stay as given.
Widths scaled(const Widths& whole, double share, const SlenderTrainOptions& o) {
  Widths w = whole;
  w.heads = o.heads > 0
                ? o.heads
                : std::max<int64_t>(1, std::llround(share * static_cast<double>(whole.heads)));
  w.neurons = o.neurons > 0 ? o.neurons : part_of(whole.neurons, share, o.round);
  w.rank = o.rank > 0 ? o.rank : part_of(whole.rank, share, o.round);
  return w;
}

void check_width(const char* what, int64_t asked, int64_t most) {
  if (asked < 0 || asked > most)
    fail_usage("{} {}, expected 1 to {}, which the model has", what, asked, most);
}

}  // namespace

Widths widths_of(const model::Architecture& arch, const std::string& path) {
  std::optional<Widths> all;
  for (size_t l = 0; l < arch.layers.size(); ++l) {
    const model::Layer& layer = arch.layers[l];
    if (!layer.attention || !layer.ffn || layer.attention->heads == 0 || layer.ffn->in.out == 0) {
      fail_model("{}: has no {} in layer {}, expected whole layers: cost-eff keeps them alike",
                 path, layer.attention && layer.attention->heads > 0 ? "feed-forward" : "attention",
                 l + 1);
    }
    const Widths w{layer.attention->heads, layer.ffn->in.out, 0};
    if (all && *all != w) {
      fail_model(
          "{}: has {} heads and {} neurons in layer {} and {} and {} in layer 1, expected the same "
          "in all: cost-eff keeps them alike",
          path, w.heads, w.neurons, l + 1, all->heads, all->neurons);
    }
    all = w;
  }
  all->rank = arch.embeddings.word_up ? arch.embeddings.word_up->in : 0;
  return *all;
}

SlenderShape shape_with(const model::Model& m, const Widths& w, const UnitCosts& costs) {
  const model::Architecture& arch = m.arch;
  SlenderShape shape;
  model::for_each_parameter(
      m, [&](const model::Parameter& p) { shape.parameters += p.tensor.numel(); });
  const int64_t hidden = arch.hidden_size, d = arch.head_size;
  for (const model::Layer& layer : arch.layers) {
    // Weights and biases that leave with each.
    shape.parameters -= (layer.attention->heads - w.heads) * d * (4 * hidden + 3) +
                        (layer.ffn->in.out - w.neurons) * (2 * hidden + 1);
    shape.heads.push_back(w.heads);
    shape.neurons.push_back(w.neurons);
    shape.macs +=
        costs.head * static_cast<double>(w.heads) + costs.neuron * static_cast<double>(w.neurons);
  }
  const int64_t had = arch.embeddings.word_up ? arch.embeddings.word_up->in : 0;
  const auto words = [&](int64_t rank) {
    return rank > 0 ? (arch.vocab_size + hidden) * rank : arch.vocab_size * hidden;
  };
  shape.parameters += words(w.rank) - words(had);
  shape.rank = w.rank;
  return shape;
}

Widths choose_widths(const model::Model& m, const SlenderShape& of, const UnitCosts& costs,
                     const SlenderTrainOptions& o) {
  Widths whole = widths_of(m.arch, "the model");
  const int64_t had = whole.rank, hidden = m.arch.hidden_size;
  if (whole.rank == 0) whole.rank = hidden;
  check_width("heads", o.heads, whole.heads);
  check_width("neurons", o.neurons, whole.neurons);
  check_width("rank", o.rank, whole.rank);
  // A rank as large as there is leaves the embedding as it is.
  const auto finished = [&](Widths w) {
    if (w.rank == whole.rank) w.rank = had;
    return w;
  };
  if (o.parameters == 0 && o.macs == 0) {
    if (o.heads == 0 && o.neurons == 0 && o.rank == 0)
      throw_usage("no size, expected --heads, --params, --macs or another one");
    const double share =
        o.heads > 0 ? static_cast<double>(o.heads) / static_cast<double>(whole.heads) : 1.0;
    return finished(scaled(whole, share, o));
  }
  const bool by_parameters = o.parameters > 0;
  const double share = by_parameters ? o.parameters : o.macs;
  if (!(share > 0) || share > 1)
    fail_usage("a share of {} of the {}, expected more than 0 and at most 1", share,
               by_parameters ? "parameters" : "multiply-accumulates");
  const auto size = [&](const Widths& w) {
    const SlenderShape shape = shape_with(m, w, costs);
    return by_parameters
               ? static_cast<double>(shape.parameters) / static_cast<double>(of.parameters)
               : shape.macs / of.macs;
  };
  std::optional<Widths> best;
  double best_size = 0, least = 0;
  for (int64_t i = 0; i <= kSizes; ++i) {
    const Widths w =
        finished(scaled(whole, static_cast<double>(i) / static_cast<double>(kSizes), o));
    const double is = size(w);
    if (i == 0) least = is;
    if (is > share || (best && is < best_size)) continue;
    best = w;
    best_size = is;
  }
  if (!best)
    fail_usage("a share of {} of the {}, expected at least {:.3f}: the narrowest model has that",
               share, by_parameters ? "parameters" : "multiply-accumulates",
               std::ceil(least * 1000) / 1000);
  return *best;
}

}  // namespace costeff::prune
