#include "prune/session/size.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error_of.h"
#include "checkpoint/checkpoint.h"
#include "prune/fold.h"
#include "runtime/model_info.h"
#include "tiny_checkpoint.h"

namespace costeff::prune {
namespace {

model::Model tiny_model(const TinyShape& shape) {
  const TempDir dir;
  write_tiny_checkpoint(dir.path(), shape);
  return checkpoint::load_model(dir.path());
}

// Off-ramps; the last layer is read at first tokens. The mean over tokens; layers without units.
std::vector<TinyShape> size_shapes() {
  std::vector<TinyShape> shapes = tiny_empty_shapes();
  shapes.push_back({});
  shapes.push_back({.dialect = "plain", .heads = {6}, .ffn = {96}});
  return shapes;
}

Kept some_of(const Kept& all) {
  Kept kept = all;
  for (auto* kind : {&kept.heads, &kept.neurons}) {
    for (size_t l = 0; l < kind->size(); ++l)
      for (size_t i = 0; i < (*kind)[l].size(); ++i) (*kind)[l][i] = (i * 7 + l) % 3 == 0;
  }
  return kept;
}

// What is measured of units that stay is what the folded model has, and costeff inspect says of it.
TEST(Size, IsThatOfTheFoldedModel) {
  for (const TinyShape& shape : size_shapes()) {
    SCOPED_TRACE(tiny_config(shape));
    const model::Model m = tiny_model(shape);
    const TextLength length{20, 400};
    const Kept all = all_kept(m.arch);
    for (const Kept& kept : {all, some_of(all)}) {
      const ModelInfo info = runtime::describe(fold(m, kept));
      const UnitMeasure macs_measure = macs_of(m, length), parameters = parameters_of(m);
      EXPECT_NEAR(
          macs_measure.rest + cost_of(kept, macs_measure.units),
          static_cast<double>(macs(info, 20, static_cast<int64_t>(info.layers.size()), true)),
          1e-6);
      EXPECT_EQ(parameters.rest + cost_of(kept, parameters.units),
                static_cast<double>(info.parameters));
    }
  }
}

TEST(Size, SparsityIsOfWeightsOfHeadsAndNeurons) {
  const model::Model m = tiny_model({.dialect = "plain", .heads = {6}, .ffn = {96}});
  const UnitMeasure measure = prunable_of(m.arch);
  // CoFi's whole counts biases: four of each sublayer's matrices, and five hidden sizes.
  EXPECT_EQ(measure.rest, 4 * (4 * 24 + 5 * 24));
  // Four layers of four matrices [24, 24] and two of [96, 24].
  EXPECT_EQ(cost_of(all_kept(m.arch), measure.units), 4 * (4 * 24 * 24 + 2 * 96 * 24));
}

TEST(Size, BudgetsAndTheNearestThatCanBe) {
  const Kept all{{{1, 1}}, {std::vector<uint8_t>(40, 1)}};
  const CostTable table = linear_costs(all, std::vector<UnitCosts>{{30, 1}}, 16);  // 100
  const struct {
    SlenderTarget target;
    double rest, budget;
  } cases[] = {
      {{SlenderSize::macs, 0.5}, 0, 50},     {{SlenderSize::macs, 0.5}, 20, 40},
      {{SlenderSize::macs, 1}, 20, 100},     {{SlenderSize::parameters, 0.9}, 400, 50},
      {{SlenderSize::sparsity, 0.8}, 0, 20}, {{SlenderSize::sparsity, 0}, 0, 100},
      {{SlenderSize::speedup, 2}, 20, 40},   {{SlenderSize::speedup, 1}, 20, 100},
  };
  for (const auto& c : cases)
    EXPECT_NEAR(units_budget(c.target, table, c.rest), c.budget, 1e-9) << c.target.value;
  const struct {
    SlenderTarget target;
    double rest;
    const char* says;
  } refused[] = {
      {{SlenderSize::macs, 0.2},
       20,
       "a share of 0.2 of the multiply-accumulates, expected at least "
       "0.300: exits stay as they are"},
      {{SlenderSize::parameters, 0.8},
       400,
       "a share of 0.8 of the parameters, expected at least "
       "0.832: embeddings, norms and exits stay as they are"},
      {{SlenderSize::sparsity, 0.9}, 0, "a sparsity of 0.9, expected at most 0.840"},
      {{SlenderSize::speedup, 10}, 20, "a speed-up of 10, expected at most 3.33"},
      {{SlenderSize::macs, 0}, 0, "a share of 0 of the multiply-accumulates"},
      {{SlenderSize::parameters, 1.5}, 0, "a share of 1.5 of the parameters"},
      {{SlenderSize::sparsity, 1}, 0, "a sparsity of 1, expected at least 0 and less than 1"},
      {{SlenderSize::speedup, 0.5}, 0, "a speed-up of 0.5, expected at least 1"},
  };
  for (const auto& c : refused) {
    const std::string what = error_of(ErrorKind::usage, [&] {
      check_target(c.target);
      units_budget(c.target, table, c.rest);
    });
    EXPECT_NE(what.find(c.says), std::string::npos) << what;
  }
}

}  // namespace
}  // namespace costeff::prune
