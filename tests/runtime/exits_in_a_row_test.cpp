// Policies that decide by several exits: the engine keeps what they need with each row, so that answers depend
// on nothing else and are those that a table of all exits gives.

#include <costeff/engine.h>
#include <costeff/exit_table.h>
#include <costeff/policy.h>
#include <gtest/gtest.h>

#include <set>

#include "test_random.h"
#include "tiny_checkpoint.h"

namespace costeff {
namespace {

std::vector<Example> some_rows(int64_t count) {
  std::vector<Example> rows;
  for (const std::string& text : tiny_texts(count, test_seed())) rows.emplace_back().text_a = text;
  return rows;
}

void write_model(const TempDir& dir, const TinyShape& shape, bool multi_label) {
  write_tiny_checkpoint(dir.path(), shape);
  if (!multi_label) return;
  std::string config = read_whole_file(dir.file("config.json"));
  config.insert(config.find('{') + 1, "\"problem_type\": \"multi_label_classification\", ");
  write_file(dir.file("config.json"), config);
}

ExitPolicy policy_of(PolicyKind kind, double threshold, int64_t patience = 0, int64_t start = 1) {
  ExitPolicy p;
  p.kind = kind;
  p.thresholds = {threshold};
  p.patience = patience;
  p.exit_start = start;
  if (policy_traits(kind).needs_weights) p.exit_weights = {0.5, 0.75, 1};
  return p;
}

ExitPolicy averaged(ExitPolicy p) {
  p.average = true;
  return p;
}

std::vector<ExitPolicy> policies() {
  std::vector<ExitPolicy> out;
  for (const double t : {0.6, 0.69, 0.8, 0.95, 1.05}) {
    for (int64_t n = 1; n <= 3; ++n) {
      out.push_back(policy_of(PolicyKind::confident_patience, t, n));
      out.push_back(averaged(out.back()));
    }
    out.push_back(averaged(policy_of(PolicyKind::confident_patience, t, 2, 2)));
  }
  for (const double t : {1e-4, 1e-3, 1e-2, 0.1}) {
    for (int64_t n = 1; n <= 2; ++n)
      out.push_back(policy_of(PolicyKind::divergence_patience, t, n));
    out.push_back(policy_of(PolicyKind::divergence_patience, t, 1, 2));
  }
  for (const double t : {0.2, 0.4, 0.6, 0.8, 1.0, 1.2}) {
    out.push_back(policy_of(PolicyKind::evidence, t));
    out.push_back(policy_of(PolicyKind::evidence, t, 0, 2));
  }
  return out;
}

void expect_same_answer(const Result& a, const Result& b) {
  ASSERT_EQ(a.exit_layer, b.exit_layer);
  ASSERT_EQ(a.label, b.label);
  ASSERT_EQ(a.labels, b.labels);
  ASSERT_EQ(a.prob, b.prob);  // bit for bit
  ASSERT_EQ(a.entropy, b.entropy);
  ASSERT_EQ(a.logits, b.logits);
  ASSERT_EQ(a.probs, b.probs);
}

struct Model {
  const char* name;
  TinyShape shape;
  bool multi_label;
};

class ExitsInARow : public testing::TestWithParam<Model> {};

TEST_P(ExitsInARow, EqualTheTableWhateverTheBatch) {
  TempDir dir;
  write_model(dir, GetParam().shape, GetParam().multi_label);
  const Engine engine(dir.path());
  const std::vector<Example> rows = some_rows(60);
  RunOptions all;
  all.all_exits = true;
  all.policy = ExitPolicy{};
  ExitTable table;
  append(engine.score(rows, all), engine.info().problem, &table);
  std::set<PolicyKind> early, late, other_answers;
  for (const ExitPolicy& policy : policies()) {
    SCOPED_TRACE(policy_text(policy));
    RunOptions options;
    options.policy = policy;
    options.threads = 1;
    options.batch_tokens = 100'000;
    const auto results = engine.score(rows, options);
    const auto decisions = decide(table, policy);
    for (size_t i = 0; i < rows.size(); ++i) {
      const Result& r = results[i];
      const Decision& d = decisions[i];
      ASSERT_EQ(r.exit_layer, d.layer);
      ASSERT_EQ(r.prob, d.prob);
      ASSERT_EQ(r.entropy, d.entropy);
      ASSERT_EQ(r.logits[0], d.value);
      if (is_multi_label(table)) {
        ASSERT_EQ(r.labels, table.label_sets.at(static_cast<int32_t>(d.label)));
      } else {
        ASSERT_EQ(r.label, d.label);
        ASSERT_EQ(r.prob, r.probs[static_cast<size_t>(r.label)]);
      }
      (d.layer < table.layers.back() ? early : late).insert(policy.kind);
      const size_t at = table.at(static_cast<int64_t>(i), d.exit);
      if (d.prob != table.prob[at]) other_answers.insert(policy.kind);
    }
    for (const auto& [threads, batch_tokens] : {std::pair<int64_t, int64_t>{1, 1}, {2, 37}}) {
      options.threads = threads;
      options.batch_tokens = batch_tokens;
      const auto again = engine.score(rows, options);
      for (size_t i = 0; i < rows.size(); ++i) expect_same_answer(again[i], results[i]);
    }
    options.all_exits = true;
    const auto full = engine.score(rows, options);
    for (size_t i = 0; i < rows.size(); ++i) {
      expect_same_answer(full[i], results[i]);
      // What an exit says is its own, averages or not.
      for (size_t e = 0; e < full[i].exits.size(); ++e)
        ASSERT_EQ(full[i].exits[e].entropy,
                  table.entropy[table.at(static_cast<int64_t>(i), static_cast<int64_t>(e))]);
    }
  }
  // Each policy let some rows go and kept others, and averages were no answer of one exit.
  EXPECT_EQ(early.size(), 3u);
  EXPECT_EQ(late.size(), 3u);
  EXPECT_EQ(other_answers, std::set<PolicyKind>{PolicyKind::confident_patience});
}

TEST_P(ExitsInARow, OneConfidentExitIsTheEntropyPolicy) {
  TempDir dir;
  write_model(dir, GetParam().shape, GetParam().multi_label);
  const Engine engine(dir.path());
  const std::vector<Example> rows = some_rows(40);
  for (const double threshold : {0.5, 0.69, 0.9, 1.05}) {
    RunOptions entropy, one;
    entropy.policy = policy_of(PolicyKind::entropy, threshold);
    one.policy = averaged(policy_of(PolicyKind::confident_patience, threshold, 1));
    const auto a = engine.score(rows, entropy), b = engine.score(rows, one);
    for (size_t i = 0; i < rows.size(); ++i) expect_same_answer(a[i], b[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models, ExitsInARow,
    testing::Values(Model{"OneLabel", {}, false}, Model{"SetsOfLabels", {}, true},
                    Model{"ExitsAfterSomeLayers", tiny_own_shapes().front(), false},
                    Model{"TwoLabels", {.labels = 2, .seed = 4}, false}),
    [](const auto& p) { return std::string(p.param.name); });

TEST(ExitsInARow, AScoreHasNoProbabilities) {
  TempDir dir;
  TinyShape shape;
  shape.labels = 1;
  write_tiny_checkpoint(dir.path(), shape);
  const Engine engine(dir.path());
  for (const ExitPolicy& policy : policies()) {
    RunOptions options;
    options.policy = policy;
    EXPECT_THROW(engine.score(some_rows(1), options), Error) << policy_text(policy);
  }
}

}  // namespace
}  // namespace costeff
