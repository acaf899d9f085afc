#include "prune/session/size.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/fail.h"
#include "prune/cofi/l0.h"
#include "runtime/model_info.h"

namespace costeff::prune {
namespace {

// The least that any number of units but none costs.
double cheapest_unit(const CostTable& table) {
  double least = std::numeric_limits<double>::infinity();
  for (const auto* kind : {&table.heads, &table.neurons}) {
    for (const SublayerCosts& s : *kind)
      if (s.costs.size() > 1) least = std::min(least, s.costs[1] - s.costs[0]);
  }
  return least;
}

}  // namespace

UnitMeasure macs_of(const model::Model& m, const TextLength& length) {
  UnitMeasure measure;
  measure.units.assign(m.arch.layers.size(), unit_costs(m.arch, length.tokens, length.squares));
  if (model::reads_first_only(m.arch))
    measure.units.back() = first_token_costs(m.arch, length.tokens);
  const ModelInfo info = runtime::describe(m);
  measure.rest = length.tokens * static_cast<double>(embedding_macs(info, 1));
  for (const ExitInfo& e : info.exits) measure.rest += static_cast<double>(e.macs);
  return measure;
}

UnitMeasure parameters_of(const model::Model& m) {
  const auto hidden = static_cast<double>(m.arch.hidden_size),
             d = static_cast<double>(m.arch.head_size);
  UnitMeasure measure;
  // Weights, and biases of what makes queries, keys, values and activations.
  measure.units.assign(m.arch.layers.size(),
                       {.head = d * (4 * hidden + 3), .neuron = 2 * hidden + 1});
  model::for_each_parameter(
      m, [&](const model::Parameter& p) { measure.rest += static_cast<double>(p.tensor.numel()); });
  measure.rest -= cost_of(all_kept(m.arch), measure.units);
  return measure;
}

UnitMeasure prunable_of(const model::Architecture& arch) {
  const auto hidden = static_cast<double>(arch.hidden_size),
             d = static_cast<double>(arch.head_size);
  UnitMeasure measure;
  measure.units.assign(arch.layers.size(), {.head = 4 * d * hidden, .neuron = 2 * hidden});
  measure.rest = PrunableSize(arch).all - cost_of(all_kept(arch), measure.units);
  return measure;
}

void check_target(const SlenderTarget& t) {
  switch (t.of) {
    case SlenderSize::macs:
    case SlenderSize::parameters:
      if (t.value > 0 && t.value <= 1) return;
      fail_usage("a share of {} of the {}, expected more than 0 and at most 1", t.value,
                 t.of == SlenderSize::macs ? "multiply-accumulates" : "parameters");
    case SlenderSize::sparsity:
      if (t.value >= 0 && t.value < 1) return;
      fail_usage("a sparsity of {}, expected at least 0 and less than 1", t.value);
    case SlenderSize::speedup:
      if (t.value >= 1 && std::isfinite(t.value)) return;
      fail_usage("a speed-up of {}, expected at least 1", t.value);
  }
}

double units_budget(const SlenderTarget& t, const CostTable& table, double rest) {
  const double whole = rest + table.full(), least = rest + table.least() + cheapest_unit(table);
  // Told with so many digits, and so that it can be had.
  const auto up = [](double x) { return std::ceil(x * 1e3) / 1e3; };
  const auto down = [](double x) { return std::floor(x * 1e3) / 1e3; };
  double budget = 0;
  switch (t.of) {
    case SlenderSize::macs:
    case SlenderSize::parameters: {
      budget = t.value * whole - rest;
      if (budget + rest >= least) return budget;
      const bool macs = t.of == SlenderSize::macs;
      fail_usage("a share of {:.3g} of the {}, expected at least {:.3f}: {} stay as they are",
                 t.value, macs ? "multiply-accumulates" : "parameters", up(least / whole),
                 macs ? "exits" : "embeddings, norms and exits");
    }
    case SlenderSize::sparsity:
      // What stays is in the whole alone.
      budget = (1 - t.value) * whole;
      if (budget >= least - rest) return budget;
      fail_usage("a sparsity of {:.5g}, expected at most {:.3f}: a unit must stay", t.value,
                 down(1 - (least - rest) / whole));
    case SlenderSize::speedup:
      budget = whole / t.value - rest;
      if (budget + rest >= least) return budget;
      fail_usage(
          "a speed-up of {:.3g}, expected at most {:.2f}: embeddings, norms and exits take their "
          "time",
          t.value, std::floor(whole / least * 100) / 100);
  }
  return budget;
}

}  // namespace costeff::prune
