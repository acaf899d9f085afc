// Every golden checkpoint under every instruction set that this CPU has, in every precision.
//   float32         logits within the golden's tolerance, exit layers exactly
//   bfloat16, int8  near float32, as measured (kBounds), on every instruction set. Two of them may
//                   be as far from each other: one number on the other side of a rounding edge
//                   changes every rounding after it. Single products are tested to the last bits
//                   in tests/kernels.

#include <costeff/engine.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "base/format.h"
#include "golden/golden_data.h"
#include "golden/golden_directories.h"
#include "shared_data.h"

namespace costeff {
namespace {

using nlohmann::json;

class GoldenPrecision : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    meta = read_json_file(dir + "/golden_meta.json");
    // The plain loops are slow, so they compute only some rows.
    golden = read_json_lines(dir + "/golden.jsonl");
    golden.resize(std::min<size_t>(golden.size(), 12));
    for (const json& r : golden) {
      Example e;
      e.has_ids = true;
      e.input_ids = r.at("input_ids").get<std::vector<int32_t>>();
      e.token_type_ids = r.at("token_type_ids").get<std::vector<int32_t>>();
      rows.push_back(std::move(e));
    }
  }

  std::vector<Result> score(const std::string& isa, ComputeType type) const {
    const Engine engine(dir, {.isa = isa, .compute = type});
    RunOptions o;
    o.policy = ExitPolicy{};
    o.all_exits = true;
    o.encode.max_length = 128;
    return engine.score(rows, o);
  }

  const std::string dir = shared_path("golden/" + GetParam());
  json meta;
  std::vector<json> golden;
  std::vector<Example> rows;
};

// The largest difference of any logit of any exit, and the root mean square of the logits.
double furthest(const std::vector<Result>& a, const std::vector<Result>& b) {
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t e = 0; e < a[i].exits.size(); ++e) {
      for (size_t c = 0; c < a[i].exits[e].logits.size(); ++c) {
        const double d = static_cast<double>(a[i].exits[e].logits[c]) - b[i].exits[e].logits[c];
        most = std::max(most, std::abs(d));
      }
    }
  }
  return most;
}

double rms(const std::vector<Result>& a) {
  double sum = 0, count = 0;
  for (const Result& r : a) {
    for (const ExitOutput& e : r.exits) {
      for (float v : e.logits) {
        sum += static_cast<double>(v) * v;
        ++count;
      }
    }
  }
  return std::sqrt(sum / count);
}

TEST_P(GoldenPrecision, Float32OnEveryInstructionSet) {
  const double atol = meta.at("atol");
  for (const std::string& isa : available_isas()) {
    const auto results = score(isa, ComputeType::float32);
    for (size_t i = 0; i < results.size(); ++i) {
      const json& expected = golden[i].at("logits");
      ASSERT_EQ(results[i].exits.size(), expected.size());
      for (size_t e = 0; e < expected.size(); ++e) {
        for (size_t c = 0; c < expected[e].size(); ++c) {
          ASSERT_NEAR(results[i].exits[e].logits[c], expected[e][c].get<double>(), atol)
              << isa << ", row " << i << ", exit " << e;
        }
      }
    }
    if (!golden[0].contains("exit_layers")) continue;
    const Engine engine(dir, {.isa = isa});
    for (const auto& [threshold, layer] : golden[0].at("exit_layers").items()) {
      RunOptions o;
      o.encode.max_length = 128;
      o.policy = ExitPolicy{.kind = PolicyKind::entropy, .thresholds = {std::stod(threshold)}};
      const auto early = engine.score(rows, o);
      for (size_t i = 0; i < early.size(); ++i) {
        ASSERT_EQ(early[i].exit_layer, golden[i].at("exit_layers").at(threshold).get<int64_t>())
            << isa << ", threshold " << threshold << ", row " << i;
      }
    }
  }
}

// Largest differences of a logit from float32, in units of the root mean square of all logits of
// the checkpoint. These models are random, which is the hard case: nothing in them is redundant.
struct Bound {
  ComputeType type;
  double from_float32;
};
// Measured over all checkpoints: 0.158 and 0.416.
constexpr Bound kBounds[] = {{ComputeType::bfloat16, 0.2}, {ComputeType::int8, 0.45}};

TEST_P(GoldenPrecision, SmallPrecisionsStayNear) {
  const auto exact = score("", ComputeType::float32);
  const double size = rms(exact);
  for (const Bound& bound : kBounds) {
    double most = 0;
    for (const std::string& isa : available_isas()) {
      const double d = furthest(score(isa, bound.type), exact);
      EXPECT_GT(d, 0) << "computed in float32 after all";
      EXPECT_LT(d / size, bound.from_float32) << compute_type_name(bound.type) << " " << isa;
      most = std::max(most, d / size);
    }
    RecordProperty(compute_type_name(bound.type), fmt::format("{}", most));
  }
}

INSTANTIATE_TEST_SUITE_P(Sets, GoldenPrecision, testing::ValuesIn(directories_with("logits")),
                         [](const auto& i) { return i.param; });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GoldenPrecision);

}  // namespace
}  // namespace costeff
