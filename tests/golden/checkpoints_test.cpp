// Every golden checkpoint gives the answers of the original authors' code, exit by exit. Each directory
// is one parametrised test; a directory whose dialect is not in the table below fails.

#include <costeff/engine.h>
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <set>

#include "golden/golden_data.h"
#include "golden/golden_directories.h"
#include "shared_data.h"

namespace costeff {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// The dialect in golden_meta.json -> the name that `inspect` shows.
const std::map<std::string, std::string>& dialects() {
  static const std::map<std::string, std::string> names = {
      {"plain-bert", "plain-bert"},
      {"plain-roberta", "plain-roberta"},
      {"plain-xlmr", "plain-xlmr"},
      {"plain-electra", "plain-electra"},
      {"plain-albert", "plain-albert"},
      {"plain-ernie", "plain-ernie"},
      {"deebert-bert", "deebert-bert"},
      {"deebert-roberta", "deebert-roberta"},
      {"cost-eff", "cost-eff"},
      {"berxit-bert", "berxit-bert"},
      {"pabee", "pabee"},
      {"elasticbert", "elasticbert"},
      {"elasticbert-static", "elasticbert-static"},
      {"distilbert", "distilbert"},
      {"cofi-compact", "cofi-compact"},
      {"cofi-zs", "cofi-zs"},
      {"cofi-zs-roberta", "cofi-zs-roberta"},
  };
  return names;
}

struct Golden {
  std::string dir;
  json meta;
  std::vector<json> rows;
  double atol;
};

Golden read_golden(const std::string& name) {
  Golden g;
  g.dir = shared_path("golden/" + name);
  g.meta = read_json_file(g.dir + "/golden_meta.json");
  g.rows = read_json_lines(g.dir + "/golden.jsonl");
  g.atol = g.meta.at("atol");
  return g;
}

std::vector<Example> id_rows(const Golden& g) {
  std::vector<Example> rows;
  for (const json& r : g.rows) {
    Example e;
    e.has_ids = true;
    e.input_ids = r.at("input_ids").get<std::vector<int32_t>>();
    e.token_type_ids = r.at("token_type_ids").get<std::vector<int32_t>>();
    rows.push_back(std::move(e));
  }
  return rows;
}

std::vector<Example> text_rows(const Golden& g) {
  std::vector<Example> rows;
  for (const json& r : g.rows) {
    Example e;
    e.text_a = r.at("text_a");
    if (!r.at("text_b").is_null()) e.text_b = r.at("text_b").get<std::string>();
    rows.push_back(std::move(e));
  }
  return rows;
}

RunOptions all_exits() {
  RunOptions o;
  o.policy = ExitPolicy{};
  o.all_exits = true;
  o.encode.max_length = 128;
  return o;
}

void expect_logits(const Golden& g, const std::vector<Result>& results, const char* key) {
  for (size_t i = 0; i < results.size(); ++i) {
    const json& expected = g.rows[i].at(key);
    const auto& exits = results[i].exits;
    ASSERT_EQ(exits.size(), expected.size());
    for (size_t e = 0; e < exits.size(); ++e) {
      ASSERT_EQ(exits[e].layer, g.meta.at("exits")[e].get<int64_t>());
      ASSERT_EQ(exits[e].logits.size(), expected[e].size());
      for (size_t c = 0; c < expected[e].size(); ++c) {
        ASSERT_NEAR(exits[e].logits[c], expected[e][c].get<double>(), g.atol)
            << "row " << i << ", exit " << e << ", label " << c;
      }
    }
  }
}

void expect_exit_layers(const Golden& g, const Engine& engine, const ExitPolicy& policy,
                        int64_t pad_to, const std::function<const json*(const json& row)>& expected,
                        const std::function<const json*(const json& row)>& label) {
  RunOptions o;
  o.policy = policy;
  o.encode.max_length = 128;
  o.pad_to = pad_to;
  const auto results = engine.score(id_rows(g), o);
  int compared = 0;
  for (size_t i = 0; i < results.size(); ++i) {
    const json* layer = expected(g.rows[i]);
    if (!layer) continue;
    ++compared;
    EXPECT_EQ(results[i].exit_layer, layer->get<int64_t>()) << "row " << i;
    const json* want = label ? label(g.rows[i]) : nullptr;
    if (want) {
      EXPECT_EQ(results[i].label, want->get<int64_t>()) << "row " << i;
    }
  }
  EXPECT_GT(compared, 0);
}

ExitPolicy entropy_below(double threshold, int64_t start = 1) {
  ExitPolicy p;
  p.kind = PolicyKind::entropy;
  p.thresholds = {threshold};
  p.exit_start = start;
  return p;
}

// The keys of an object that every row has, such as the thresholds of exit_layers.
std::vector<std::string> keys_of(const json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

class GoldenCheckpoint : public testing::TestWithParam<std::string> {
 protected:
  bool has(const char* key) const { return golden.rows.front().contains(key); }
  Golden golden = read_golden(GetParam());
};
// Tests that need more than logits have their own class, so that they run only for the sets that have it.
class GoldenEntropyExits : public GoldenCheckpoint {};
class GoldenExitStart : public GoldenCheckpoint {};
class GoldenPadded : public GoldenCheckpoint {};
class GoldenPatience : public GoldenCheckpoint {};
class GoldenLearnedExits : public GoldenCheckpoint {};
class GoldenContainers : public GoldenCheckpoint {};

TEST_P(GoldenCheckpoint, DialectIsClaimedAndNamed) {
  const std::string dialect = golden.meta.at("dialect");
  ASSERT_TRUE(dialects().contains(dialect)) << "no test claims the dialect " << dialect;
  const Engine engine(golden.dir);
  EXPECT_EQ(engine.info().dialect, dialects().at(dialect));
  std::vector<int64_t> exits;
  for (const ExitInfo& e : engine.info().exits) exits.push_back(e.layer);
  EXPECT_EQ(exits, golden.meta.at("exits").get<std::vector<int64_t>>());
}

TEST_P(GoldenCheckpoint, LogitsEntropiesAndLabelsOfEveryExit) {
  const Engine engine(golden.dir);
  const auto results = engine.score(id_rows(golden), all_exits());
  expect_logits(golden, results, "logits");
  for (size_t i = 0; i < results.size(); ++i) {
    if (!has("labels")) break;
    for (size_t e = 0; e < results[i].exits.size(); ++e) {
      const auto& logits = results[i].exits[e].logits;
      const auto top = std::max_element(logits.begin(), logits.end()) - logits.begin();
      ASSERT_EQ(top, golden.rows[i].at("labels")[e].get<int64_t>())
          << "row " << i << ", exit " << e;
      // |dH| <= (|ln p| + 1) |dz| at most: the tolerance of the logits with room for the logarithm.
      ASSERT_NEAR(results[i].exits[e].entropy, golden.rows[i].at("entropy")[e].get<double>(),
                  10 * golden.atol);
      if (has("lte") && e + 1 < results[i].exits.size()) {
        ASSERT_NEAR(results[i].exits[e].uncertainty, golden.rows[i].at("lte")[e].get<double>(),
                    golden.atol);
      }
    }
  }
}

TEST_P(GoldenCheckpoint, TextGivesTheAnswersOfTheIds) {
  const Engine engine(golden.dir);
  auto options = all_exits();
  const auto ids = engine.score(id_rows(golden), options);
  options.encode.pair_cut = PairCut::slow;
  const auto text = engine.score(text_rows(golden), options);
  for (size_t i = 0; i < ids.size(); ++i) ASSERT_EQ(text[i].logits, ids[i].logits) << "row " << i;
  // The fast cut, where it gives other ids.
  options.encode.pair_cut = PairCut::fast;
  const auto fast = engine.score(text_rows(golden), options);
  auto rows = id_rows(golden);
  for (size_t i = 0; i < rows.size(); ++i) {
    // An empty second text is a pair to this engine, as in the batch form of the fast tokenizers.
    const json& row = golden.rows[i];
    if (!row.contains("input_ids_fast") || row.at("text_b") == "") continue;
    rows[i].input_ids = row.at("input_ids_fast").get<std::vector<int32_t>>();
    rows[i].token_type_ids = row.at("token_type_ids_fast").get<std::vector<int32_t>>();
  }
  const auto fast_ids = engine.score(rows, options);
  for (size_t i = 0; i < ids.size(); ++i)
    ASSERT_EQ(fast[i].logits, fast_ids[i].logits) << "row " << i;
}

TEST_P(GoldenEntropyExits, LeaveAtTheReferencesLayer) {
  const Engine engine(golden.dir);
  for (const std::string& s : keys_of(golden.rows.front().at("exit_layers"))) {
    SCOPED_TRACE("threshold " + s);
    expect_exit_layers(
        golden, engine, entropy_below(std::stod(s)), 0,
        [&](const json& r) { return &r.at("exit_layers").at(s); },
        [&](const json& r) {
          return r.contains("exit_labels") ? &r.at("exit_labels").at(s) : nullptr;
        });
  }
}

TEST_P(GoldenExitStart, LeaveAtTheReferencesLayer) {
  const Engine engine(golden.dir);
  for (const std::string& start : keys_of(golden.rows.front().at("exit_layers_from"))) {
    for (const std::string& s : keys_of(golden.rows.front().at("exit_layers_from").at(start))) {
      SCOPED_TRACE("start " + start + ", threshold " + s);
      expect_exit_layers(
          golden, engine, entropy_below(std::stod(s), std::stoll(start)), 0,
          [&](const json& r) { return &r.at("exit_layers_from").at(start).at(s); }, nullptr);
    }
  }
}

// COST-EFF's own average counts padding.
TEST_P(GoldenPadded, AnswersOfPaddingTo128) {
  const Engine engine(golden.dir);
  auto options = all_exits();
  options.pad_to = 128;
  expect_logits(golden, engine.score(id_rows(golden), options), "logits_padded128");
  for (const std::string& s : keys_of(golden.rows.front().at("exit_layers_padded128"))) {
    SCOPED_TRACE("threshold " + s);
    expect_exit_layers(
        golden, engine, entropy_below(std::stod(s)), 128,
        [&](const json& r) -> const json* {
          if (r.contains("near_threshold_padded128")) {
            for (const json& near : r.at("near_threshold_padded128")) {
              if (near.is_string() ? near == s : near == std::stod(s)) return nullptr;
            }
          }
          return &r.at("exit_layers_padded128").at(s);
        },
        nullptr);
  }
}

TEST_P(GoldenPatience, LeaveAtTheReferencesLayer) {
  const Engine engine(golden.dir);
  ExitPolicy policy;
  policy.kind = PolicyKind::patience;
  const json& first = golden.rows.front().at("patience_exit_layers");
  const bool regression = is_regression(engine.info());
  for (const std::string& outer : keys_of(first)) {
    for (const std::string& inner :
         regression ? keys_of(first.at(outer)) : std::vector<std::string>{outer}) {
      SCOPED_TRACE("patience " + inner + (regression ? ", threshold " + outer : ""));
      policy.patience = std::stoll(inner);
      if (regression) policy.thresholds = {std::stod(outer)};
      expect_exit_layers(
          golden, engine, policy, 0,
          [&](const json& r) {
            const json& at = r.at("patience_exit_layers").at(outer);
            return regression ? &at.at(inner) : &at;
          },
          nullptr);
    }
  }
}

TEST_P(GoldenLearnedExits, LeaveAtTheReferencesLayer) {
  const Engine engine(golden.dir);
  ExitPolicy policy;
  policy.kind = PolicyKind::learned;
  for (const std::string& s : keys_of(golden.rows.front().at("lte_exit_layers"))) {
    SCOPED_TRACE("threshold " + s);
    policy.thresholds = parse_thresholds(s);
    expect_exit_layers(
        golden, engine, policy, 0, [&](const json& r) { return &r.at("lte_exit_layers").at(s); },
        nullptr);
  }
}

// All container_* sets hold one model: the answers are the same bits.
TEST_P(GoldenContainers, AgreeBitForBit) {
  const Golden base = read_golden(golden.meta.at("same_weights_as"));
  const auto a = Engine(golden.dir).score(id_rows(golden), all_exits());
  const auto b = Engine(base.dir).score(id_rows(base), all_exits());
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) ASSERT_EQ(a[i].logits, b[i].logits) << "row " << i;
}

#define COSTEFF_GOLDEN_SETS(suite, key)                                           \
  INSTANTIATE_TEST_SUITE_P(Sets, suite, testing::ValuesIn(directories_with(key)), \
                           [](const auto& i) { return i.param; });                \
  GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(suite)

COSTEFF_GOLDEN_SETS(GoldenCheckpoint, "!start_logits");  // question answering has a test of its own
COSTEFF_GOLDEN_SETS(GoldenEntropyExits, "exit_layers");
COSTEFF_GOLDEN_SETS(GoldenExitStart, "exit_layers_from");
COSTEFF_GOLDEN_SETS(GoldenPadded, "logits_padded128");
COSTEFF_GOLDEN_SETS(GoldenPatience, "patience_exit_layers");
COSTEFF_GOLDEN_SETS(GoldenLearnedExits, "lte_exit_layers");
COSTEFF_GOLDEN_SETS(GoldenContainers, "same_weights_as");

// Each directory is in one of the tests above, or in the one for question answering.
TEST(GoldenCheckpoints, AllAreClaimed) {
  COSTEFF_NEED_SHARED("golden");
  EXPECT_GE(directories().size(), 30u);
  for (const std::string& dir : directories_with("start_logits")) {
    const std::string dialect =
        read_json_file(shared_path("golden/" + dir) + "/golden_meta.json").at("dialect");
    EXPECT_NE(dialect.find("-qa"), std::string::npos) << dir;
  }
  std::map<std::string, int> met;  // dialect, container, tokenizer
  for (const std::string& dir : directories()) {
    const std::string path = shared_path("golden/" + dir);
    std::string container;
    for (const auto& file : fs::directory_iterator(path)) {
      const std::string name = file.path().filename().string();
      if (name.find("model") == 0 || name.find("pytorch_model") == 0) {
        container = name.find("safetensors") != std::string::npos ? "safetensors" : "torch";
      }
    }
    const Engine engine(path);
    ++met[engine.info().dialect + ", " + container + ", " + engine.info().tokenizer];
  }
  for (const auto& [what, count] : met) fmt::print("{:2}  {}\n", count, what);
  EXPECT_GE(met.size(), 15u);
}

}  // namespace
}  // namespace costeff
