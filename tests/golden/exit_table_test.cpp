// decide() on a table of all exits against the engine run with the same policy: the same answers,
// row for row and bit for bit.

#include <costeff/engine.h>
#include <costeff/exit_table.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "base/format.h"
#include "golden/golden_data.h"
#include "shared_data.h"

namespace costeff {
namespace {

using nlohmann::json;

std::vector<Example> golden_rows(const std::string& dir) {
  std::vector<Example> rows;
  for (const json& j : read_json_lines(dir + "/golden.jsonl")) {
    Example& e = rows.emplace_back();
    e.has_ids = true;
    e.input_ids = j.at("input_ids").get<std::vector<int32_t>>();
    if (j.contains("token_type_ids") && !j.at("token_type_ids").is_null())
      e.token_type_ids = j.at("token_type_ids").get<std::vector<int32_t>>();
  }
  return rows;
}

ExitTable table_of(const Engine& engine, const std::vector<Example>& rows, int64_t max_length = 0) {
  RunOptions options;
  options.all_exits = true;
  options.policy = ExitPolicy{};
  options.encode.max_length = max_length;
  ExitTable table;
  append(engine.score(rows, options), engine.info().problem, &table);
  return table;
}

// Policies that decide by several exits, with thresholds on scores that occur.
void add_exits_in_a_row(const ExitTable& t, std::vector<ExitPolicy>* out) {
  const auto quantile = [](std::vector<float> scores, size_t q) {
    std::sort(scores.begin(), scores.end());
    return static_cast<double>(scores[q * (scores.size() - 1) / 8]);
  };
  ExitPolicy p;
  for (size_t q = 1; q <= 8; ++q) {
    p.exit_start = 1 + static_cast<int64_t>(q) % 2 * (t.layers.back() > 1);
    for (p.patience = 1; p.patience <= 3; ++p.patience) {
      p.kind = PolicyKind::confident_patience;
      p.thresholds = {quantile(t.entropy, q)};
      for (const bool average : {false, true}) {
        p.average = average;
        out->push_back(p);
      }
      p.average = false;
      p.kind = PolicyKind::divergence_patience;
      p.thresholds = {quantile(t.divergence, q)};
      out->push_back(p);
    }
    p.patience = 0;
    p.kind = PolicyKind::evidence;
    p.exit_weights.assign(static_cast<size_t>(t.layers.back()), 0.75);
    p.exit_weights.front() = 0.5;
    p.thresholds = {0.25 * static_cast<double>(q)};
    out->push_back(p);
    p.exit_weights.clear();
  }
}

// Every kind of policy that the model can run, thresholds among the scores that occur, and on them.
std::vector<ExitPolicy> policies_for(const ModelInfo& m, const ExitTable& t) {
  std::vector<ExitPolicy> out{{}};
  const auto layers = static_cast<int64_t>(m.layers.size());
  const auto add = [&](PolicyKind kind, const std::vector<float>& scores) {
    std::vector<float> sorted(scores);
    std::sort(sorted.begin(), sorted.end());
    for (size_t q = 0; q <= 8; ++q) {
      ExitPolicy p;
      p.kind = kind;
      const float v = sorted[q * (sorted.size() - 1) / 8];
      p.thresholds = {static_cast<double>(v)};  // equal to a score: strictness shows
      out.push_back(p);
      p.thresholds = {static_cast<double>(v) + 1e-4};
      p.exit_start = 1 + static_cast<int64_t>(q) % layers;
      out.push_back(p);
      p.exit_start = 1;
      p.thresholds.clear();
      for (int64_t l = 1; l < layers; ++l)
        p.thresholds.push_back(sorted[(q * 37 + static_cast<size_t>(l) * 101) % sorted.size()]);
      if (p.thresholds.size() > 1) out.push_back(p);
    }
  };
  if (!is_regression(m)) {
    add(PolicyKind::entropy, t.entropy);
    add(PolicyKind::max_prob, t.prob);
    add(PolicyKind::margin, t.margin);
    add_exits_in_a_row(t, &out);
  }
  if (std::any_of(t.uncertainty.begin(), t.uncertainty.end(), [](float u) { return u >= 0; }))
    add(PolicyKind::learned, t.uncertainty);
  for (int64_t n = 0; n < 5; ++n) {
    for (int64_t start = 1; start <= std::min<int64_t>(3, layers); ++start) {
      ExitPolicy p;
      p.kind = PolicyKind::patience;
      p.patience = n;
      p.exit_start = start;
      if (is_regression(m)) p.thresholds = {0.05 * static_cast<double>(start)};
      out.push_back(p);
    }
  }
  for (const ExitInfo& e : m.exits) {
    ExitPolicy p;
    p.kind = PolicyKind::fixed;
    p.layer = e.layer;
    out.push_back(p);
  }
  return out;
}

class DecideGolden : public testing::TestWithParam<std::string> {};

TEST_P(DecideGolden, EqualsTheEngine) {
  const std::string dir = shared_path("golden/" + GetParam());
  COSTEFF_NEED_SHARED("golden/" + GetParam());
  const Engine engine(dir);
  const std::vector<Example> rows = golden_rows(dir);
  const ExitTable table = table_of(engine, rows);
  ASSERT_EQ(table.rows(), static_cast<int64_t>(rows.size()));
  for (const ExitPolicy& policy : policies_for(engine.info(), table)) {
    SCOPED_TRACE(
        fmt::format("kind {}, threshold {}, exit_start {}", static_cast<int>(policy.kind),
                    policy.thresholds.empty() ? "-" : fmt::format("{}", policy.thresholds[0]),
                    policy.exit_start));
    RunOptions options;
    options.policy = policy;
    const std::vector<Result> results = engine.score(rows, options);
    const std::vector<Decision> decisions = decide(table, policy);
    ASSERT_EQ(decisions.size(), results.size());
    for (size_t i = 0; i < results.size(); ++i) {
      ASSERT_EQ(decisions[i].layer, results[i].exit_layer) << "row " << i;
      ASSERT_EQ(decisions[i].label, results[i].label) << "row " << i;
      ASSERT_EQ(decisions[i].prob, results[i].prob) << "row " << i;
      ASSERT_EQ(decisions[i].entropy, results[i].entropy) << "row " << i;
      ASSERT_EQ(decisions[i].value, results[i].logits[0]) << "row " << i;
      ASSERT_EQ(table.tokens[i], results[i].tokens) << "row " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Dialects, DecideGolden,
                         testing::Values("berxit", "costeff_avg", "costeff_avg_hidavg2",
                                         "costeff_full_concat3", "deebert_bert", "deebert_roberta",
                                         "elasticbert", "elasticbert_partial", "pabee",
                                         "pabee_stsb", "plain_bert", "plain_bert_stsb"),
                         [](const auto& p) { return p.param; });

// The trained models at every threshold of the reference's table, from one pass.
void check_trained(const std::string& model, const std::string& truth) {
  const json results = read_json_file(truth + "/dev_results.json");
  const Engine engine(model);
  std::ifstream in(shared_path("glue/SST-2/dev.tsv"));
  std::vector<Example> rows;
  std::vector<int64_t> gold;
  std::string line;
  std::getline(in, line);  // header
  while (std::getline(in, line)) {
    rows.emplace_back().text_a = line.substr(0, line.find('\t'));
    gold.push_back(line.back() - '0');
  }
  const ExitTable table = table_of(engine, rows, 128);
  for (const json& t : results.at("thresholds")) {
    ExitPolicy policy;
    policy.kind = PolicyKind::entropy;
    policy.thresholds = {t.at("threshold").get<double>()};
    SCOPED_TRACE(fmt::format("threshold {}", policy.thresholds[0]));
    std::vector<int64_t> histogram(engine.info().layers.size());
    int64_t right = 0;
    const std::vector<Decision> decisions = decide(table, policy);
    for (size_t i = 0; i < decisions.size(); ++i) {
      ++histogram[static_cast<size_t>(decisions[i].layer - 1)];
      right += decisions[i].label == gold[i];
    }
    EXPECT_EQ(histogram, t.at("exit_histogram").get<std::vector<int64_t>>());
    EXPECT_EQ(right, t.at("correct").get<int64_t>());
  }
}

TEST(DecideTrained, BundledSlender) { check_trained(kBundledModel, bundled_path("")); }

TEST(LargerDecideTrained, Slender) {
  COSTEFF_NEED_SHARED("models/sst2-slender");
  check_trained(shared_path("models/sst2-slender"), shared_path("models/sst2-slender"));
}

TEST(LargerDecideTrained, DeeBert) {
  COSTEFF_NEED_SHARED("models/sst2-deebert");
  check_trained(shared_path("models/sst2-deebert"), shared_path("models/sst2-deebert"));
}

}  // namespace
}  // namespace costeff
