#include "prune/session/shape.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/fail.h"
#include "prune/cofi/cofi_pruning.h"

namespace costeff::prune {
namespace {

constexpr int64_t kSizes = 1000;  // that are tried between nothing and the whole model

int64_t part_of(int64_t all, double share, bool round) {
  const auto n = std::max<int64_t>(1, std::llround(static_cast<double>(all) * share));
  if (!round || all <= kUnitStep) return n;
  return std::min(all, std::max(kUnitStep, (n + kUnitStep / 2) / kUnitStep * kUnitStep));
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

int64_t rank_of(const model::Architecture& arch) {
  return arch.embeddings.word_up ? arch.embeddings.word_up->in : 0;
}

double total(const UnitMeasure& measure, const Kept& units) {
  return measure.rest + cost_of(units, measure.units);
}

// What a target leaves of what it is of.
double share_of(const SlenderTarget& t) {
  switch (t.of) {
    case SlenderSize::sparsity:
      return 1 - t.value;
    case SlenderSize::speedup:
      return 1 / t.value;
    case SlenderSize::macs:
    case SlenderSize::parameters:
      break;
  }
  return t.value;
}

// least: the smallest share that can be had.
[[noreturn]] void refuse_target(const SlenderTarget& t, double least, const char* why) {
  const double up = std::ceil(least * 1000) / 1000;
  switch (t.of) {
    case SlenderSize::sparsity:
      fail_usage("a sparsity of {}, expected at most {:.3f}: {}", t.value,
                 std::floor((1 - least) * 1000) / 1000, why);
    case SlenderSize::speedup:
      fail_usage("a speed-up of {}, expected at most {:.2f}: {}", t.value,
                 std::floor(100 / least) / 100, why);
    case SlenderSize::macs:
    case SlenderSize::parameters:
      break;
  }
  fail_usage("a share of {} of the {}, expected at least {:.3f}: {}", t.value,
             t.of == SlenderSize::parameters ? "parameters" : "multiply-accumulates", up, why);
}

// Between the numbers of units that are in the table it is a straight line.
double cost_at(const SublayerCosts& s, int64_t units) {
  const auto above = std::lower_bound(s.counts.begin(), s.counts.end(), units);
  const auto i = static_cast<size_t>(above - s.counts.begin());
  if (above == s.counts.end()) return s.costs.back();
  if (s.counts[i] == units) return s.costs[i];
  const double at = static_cast<double>(units - s.counts[i - 1]) /
                    static_cast<double>(s.counts[i] - s.counts[i - 1]);
  return s.costs[i - 1] + at * (s.costs[i] - s.costs[i - 1]);
}

// The second factor of an embedding is not in it: its product is small beside a layer's.
double time_of(const MeasuredTime& time, const Widths& w) {
  double sum = time.rest;
  for (const SublayerCosts& s : time.table.heads) sum += cost_at(s, w.heads);
  for (const SublayerCosts& s : time.table.neurons) sum += cost_at(s, w.neurons);
  return sum;
}

void check_width(const char* what, int64_t asked, int64_t most) {
  if (asked < 0 || asked > most)
    fail_usage("{} {}, expected 1 to {}, as many as the model has", what, asked, most);
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
  all->rank = rank_of(arch);
  return *all;
}

TextLength length_of(std::span<const train::Row> rows) {
  TextLength length;
  for (const train::Row& row : rows) {
    const auto n = static_cast<double>(row.ids.size());
    length.tokens += n;
    length.squares += n * n;
  }
  const auto count = static_cast<double>(rows.size());
  return {length.tokens / count, length.squares / count};
}

SlenderShape shape_of(const model::Model& m, const TextLength& length,
                      const model::Architecture& whole) {
  const Kept all = all_kept(m.arch);
  SlenderShape shape;
  for (size_t l = 0; l < all.heads.size(); ++l) {
    shape.heads.push_back(count(all.heads[l]));
    shape.neurons.push_back(count(all.neurons[l]));
  }
  shape.rank = rank_of(m.arch);
  shape.macs = total(macs_of(m, length), all);
  shape.parameters = std::llround(total(parameters_of(m), all));
  shape.sparsity = sparsity_between(whole, m.arch);
  return shape;
}

SlenderShape shape_with(const model::Model& m, const Widths& w, const TextLength& length) {
  const model::Architecture& arch = m.arch;
  SlenderShape shape;
  shape.heads.assign(arch.layers.size(), w.heads);
  shape.neurons.assign(arch.layers.size(), w.neurons);
  shape.rank = w.rank;
  const auto of = [&](const UnitMeasure& measure) {
    double sum = measure.rest;
    for (const UnitCosts& layer : measure.units)
      sum +=
          layer.head * static_cast<double>(w.heads) + layer.neuron * static_cast<double>(w.neurons);
    return sum;
  };
  const auto hidden = static_cast<double>(arch.hidden_size);
  const auto words = [&](int64_t rank) {
    const auto vocabulary = static_cast<double>(arch.vocab_size);
    return rank > 0 ? (vocabulary + hidden) * static_cast<double>(rank) : vocabulary * hidden;
  };
  shape.macs =
      of(macs_of(m, length)) + length.tokens * hidden * static_cast<double>(w.rank - rank_of(arch));
  shape.parameters = std::llround(of(parameters_of(m)) + words(w.rank) - words(rank_of(arch)));
  const UnitMeasure prunable = prunable_of(arch);
  shape.sparsity = 1 - (of(prunable) - prunable.rest) / total(prunable, all_kept(arch));
  return shape;
}

Widths choose_widths(const model::Model& m, const SlenderShape& of, const TextLength& length,
                     const std::optional<MeasuredTime>& time, const SlenderTrainOptions& o) {
  Widths whole = widths_of(m.arch, "the model");
  const int64_t had = whole.rank;
  if (whole.rank == 0) whole.rank = m.arch.hidden_size;
  check_width("heads", o.heads, whole.heads);
  check_width("neurons", o.neurons, whole.neurons);
  check_width("rank", o.rank, whole.rank);
  // A rank as large as there is leaves the embedding as it is.
  const auto finished = [&](Widths w) {
    if (w.rank == whole.rank) w.rank = had;
    return w;
  };
  if (!o.target) {
    if (o.heads == 0 && o.neurons == 0 && o.rank == 0)
      throw_usage("no size, expected --heads, --params, --macs or another one");
    const double share =
        o.heads > 0 ? static_cast<double>(o.heads) / static_cast<double>(whole.heads) : 1.0;
    return finished(scaled(whole, share, o));
  }
  check_target(*o.target);
  // The share of what there is.
  const auto size = [&](const Widths& w) {
    if (o.target->of == SlenderSize::speedup)
      return time_of(*time, w) / (time->rest + time->table.full());
    const SlenderShape s = shape_with(m, w, length);
    return o.target->of == SlenderSize::parameters
               ? static_cast<double>(s.parameters) / static_cast<double>(of.parameters)
           : o.target->of == SlenderSize::sparsity ? 1 - s.sparsity
                                                   : s.macs / of.macs;
  };
  const double most = share_of(*o.target);
  std::optional<Widths> best;
  double best_size = 0, least = 0;
  for (int64_t i = 0; i <= kSizes; ++i) {
    const Widths w =
        finished(scaled(whole, static_cast<double>(i) / static_cast<double>(kSizes), o));
    const double is = size(w);
    if (i == 0) least = is;
    if (is > most || (best && is < best_size)) continue;
    best = w;
    best_size = is;
  }
  if (best) return *best;
  refuse_target(*o.target, least, "the narrowest model has that");
}

double sparsity_for(const model::Model& m, const SlenderShape& shape, const TextLength& length,
                    const std::optional<MeasuredTime>& time, const SlenderTarget& target) {
  check_target(target);
  if (target.of == SlenderSize::sparsity) {
    if (target.value == 0) throw_usage("a sparsity of 0, expected more");
    return target.value;
  }
  double all = shape.macs, rest = 0;
  if (target.of == SlenderSize::speedup) {
    rest = time->rest + time->table.least();
    all = time->rest + time->table.full();
  } else if (target.of == SlenderSize::parameters) {
    rest = parameters_of(m).rest;
    all = static_cast<double>(shape.parameters);
  } else {
    rest = macs_of(m, length).rest;
  }
  const double left = share_of(target) * all - rest;
  if (left <= 0) refuse_target(target, rest / all, "what has no units stays");
  const double sparsity = 1 - left / (all - rest);
  if (sparsity <= 0) throw_usage("a size that the whole model has, expected a smaller one");
  // No two measurements are the same, and a run that goes on must find the same number.
  return target.of == SlenderSize::speedup ? std::ceil(sparsity * 100) / 100 : sparsity;
}

SlenderShape thinned(const model::Model& m, const SlenderShape& shape, const TextLength& length,
                     double sparsity) {
  SlenderShape s;
  s.rank = shape.rank;
  s.sparsity = sparsity;
  const auto left = [&](double all, const UnitMeasure& measure) {
    return measure.rest + (all - measure.rest) * (1 - sparsity);
  };
  s.macs = left(shape.macs, macs_of(m, length));
  s.parameters = std::llround(left(static_cast<double>(shape.parameters), parameters_of(m)));
  return s;
}

}  // namespace costeff::prune
