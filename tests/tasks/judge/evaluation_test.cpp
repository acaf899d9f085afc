#include "tasks/judge/evaluation.h"

#include <costeff/error.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error_of.h"
#include "tasks/read/data_sets.h"
#include "tasks/read_rows.h"
#include "tasks/report/eval_writer.h"
#include "tasks/report/submission.h"

namespace costeff::tasks {
namespace {

// Two layers, an off-ramp after each, H = 4, no attention, F = 2: 16 n multiply-accumulates a
// layer.
ModelInfo tiny_model(int64_t labels) {
  ModelInfo m;
  m.path = "m";
  m.hidden_size = 4;
  m.num_labels = labels;
  m.problem = labels == 1 ? ProblemType::regression : ProblemType::single_label;
  for (int64_t i = 0; i < labels; ++i) m.labels.push_back("LABEL_" + std::to_string(i));
  for (int64_t layer : {1, 2}) {
    m.layers.push_back({.layer = layer, .ffn_size = 2});
    m.exits.push_back({.layer = layer, .form = "", .macs = 100});
  }
  return m;
}

Result result_of(std::vector<float> first, std::vector<float> last, int64_t tokens) {
  Result r;
  r.tokens = tokens;
  r.exits.push_back({.layer = 1, .logits = std::move(first), .probs = {}});
  r.exits.push_back({.layer = 2, .logits = std::move(last), .probs = {}});
  return r;
}

Evaluated evaluated(const std::vector<Result>& results, std::vector<int32_t> labels) {
  Evaluated e;
  append(results, ProblemType::single_label, &e.table);
  e.labels = std::move(labels);
  return e;
}

ExitPolicy entropy(double threshold) {
  ExitPolicy p;
  p.kind = PolicyKind::entropy;
  p.thresholds = {threshold};
  return p;
}

// Row 0 is sure at once, and right; row 1 is not, and the last layer answers wrongly.
const std::vector<Result> kTwoRows{result_of({9, 0}, {0, 9}, 10), result_of({0.1f, 0}, {9, 0}, 20)};

TEST(Evaluation, CountsExitsAndCosts) {
  const Evaluated data = evaluated(kTwoRows, {0, 1});
  const ModelInfo m = tiny_model(2);
  const ScoreOptions options{{Metric::accuracy, Metric::f1}, 1, {}};
  const Score s = score_policy(data, m, entropy(0.5), options);
  EXPECT_EQ(s.exit_histogram, (std::vector<int64_t>{1, 1}));
  EXPECT_EQ(s.mean_exit_layer, 1.5);
  EXPECT_EQ(s.layers_saved, 0.25);
  EXPECT_DOUBLE_EQ(s.speedup_layers, 4.0 / 3);
  EXPECT_EQ(s.confusion.at(0, 0), 1);
  EXPECT_EQ(s.confusion.at(1, 0), 1);
  EXPECT_EQ(s.metrics[0].value, 0.5);
  EXPECT_TRUE(s.metrics[0].exact);
  EXPECT_EQ(s.metrics[1].value, 0);
  EXPECT_FALSE(s.metrics[1].exact);
  // Row 0: layer 1 and its off-ramp. Row 1: both layers, the off-ramp asked, the last classifier.
  EXPECT_EQ(s.macs, (10 * 16 + 100 + 20 * 32 + 200) / 2.0);
  EXPECT_DOUBLE_EQ(s.speedup_macs, (10 * 32 + 100 + 20 * 32 + 100) / (2 * s.macs));
}

TEST(Evaluation, OffRampsThatNobodyAsksCostNothing) {
  const ModelInfo m = tiny_model(2);
  ExitPolicy late = entropy(0.5), fixed;
  late.exit_start = 2;
  fixed.kind = PolicyKind::fixed;
  fixed.layer = 2;
  EXPECT_EQ(policy_macs(m, entropy(0.5), 10, 2), 320 + 200);
  EXPECT_EQ(policy_macs(m, late, 10, 2), 320 + 100);
  EXPECT_EQ(policy_macs(m, fixed, 10, 2), 320 + 100);
  EXPECT_EQ(policy_macs(m, {}, 10, 2), 320 + 100);
}

TEST(Evaluation, ScoresOfARegression) {
  Evaluated data;
  append(
      std::vector<Result>{result_of({1}, {3}, 5), result_of({2}, {2}, 5), result_of({3}, {1}, 5)},
      ProblemType::regression, &data.table);
  data.scores = {0.5, 1.5, 4};
  const ScoreOptions options{{Metric::pearson, Metric::spearman}, 1, {}};
  ExitPolicy first;
  first.kind = PolicyKind::fixed;
  first.layer = 1;
  EXPECT_DOUBLE_EQ(score_policy(data, tiny_model(1), first, options).metrics[1].value, 1);
  const Score last = score_policy(data, tiny_model(1), {}, options);
  EXPECT_DOUBLE_EQ(last.metrics[1].value, -1);
  EXPECT_TRUE(std::isnan(last.mean_entropy));
}

TEST(Evaluation, PolicyThatDoesNotFitIsRefused) {
  Evaluated data;
  append(std::vector<Result>{result_of({1}, {3}, 5)}, ProblemType::regression, &data.table);
  data.scores = {1};
  EXPECT_THROW(score_policy(data, tiny_model(1), entropy(0.5), {{Metric::pearson}, 1, {}}), Error);
}

TEST(Evaluation, MetricsOfTasks) {
  const auto names = [](const Task* task, int64_t labels) {
    Strings out;
    for (const Metric m : default_metrics(task, tiny_model(labels)))
      out.emplace_back(metric_name(m));
    return out;
  };
  EXPECT_EQ(names(&find_task("qqp"), 2), (Strings{"accuracy", "f1"}));
  EXPECT_EQ(names(&find_task("cola"), 2), (Strings{"matthews", "accuracy"}));
  EXPECT_EQ(names(&find_task("sts-b"), 1), (Strings{"pearson", "spearman"}));
  EXPECT_EQ(names(nullptr, 2), (Strings{"accuracy", "f1", "matthews"}));
  EXPECT_EQ(names(nullptr, 5), (Strings{"accuracy", "macro_f1", "matthews"}));
  EXPECT_EQ(names(nullptr, 1), (Strings{"pearson", "spearman"}));
}

TEST(Evaluation, BetterOrderNeedsToBeClear) {
  LabelMap map;
  map.guessed = true;
  map.names = {"contradiction", "entailment", "neutral"};
  Confusion turned(3);
  for (int i = 0; i < 40; ++i) turned.add((i + 1) % 3, i % 3);
  const auto better = better_order(map, turned);
  ASSERT_TRUE(better);
  EXPECT_EQ(better->names, (Strings{"entailment", "neutral", "contradiction"}));
  EXPECT_EQ(better->accuracy, 1);
  Confusion few(3);
  for (int i = 0; i < 3; ++i) few.add((i + 1) % 3, i % 3);
  EXPECT_FALSE(better_order(map, few));  // three rows say nothing
  map.guessed = false;
  EXPECT_FALSE(better_order(map, turned));
}

TEST(EvalWriter, JsonHasNullWhereThereIsNoNumber) {
  EvalReport r;
  r.model = "m";
  r.num_layers = 2;
  r.data.path = "d.tsv";
  const Strings one{"LABEL_0"};
  r.labels = find_label_map(nullptr, one, ProblemType::regression);
  EvalPoint p;
  p.policy = "never";
  p.text = "never";
  p.score.metrics.push_back(
      {.metric = Metric::pearson, .value = std::nan(""), .interval = {std::nan(""), std::nan("")}});
  p.score.exit_histogram = {0, 3};
  p.score.mean_entropy = std::nan("");
  r.points = {p};
  const std::string document = eval_json({r});
  EXPECT_NE(document.find("\"value\": null"), std::string::npos) << document;
  std::string tsv;
  append_eval_tsv(r, &tsv);
  EXPECT_EQ(std::count(tsv.begin(), tsv.end(), '\t'), [&] {
    const std::string header = eval_tsv_header(r.labels.problem);
    return std::count(header.begin(), header.end(), '\t');
  }());
  EXPECT_TRUE(tsv.ends_with("\tnan\tnan\t0,3\n")) << tsv;
}

// ---- data sets ----

struct Sets : testing::Test {
  TemporaryDirectory dir;
  ModelInfo model = tiny_model(2);
  std::string make(const std::string& name) {
    const std::filesystem::path path = dir.path / name;
    std::filesystem::create_directories(path.parent_path());
    return dir.write(name, "");
  }
  std::string names(const std::string& data, const std::string& split, const std::string& task) {
    std::string out;
    for (const DataSet& set : find_data_sets({dir.file(data)}, split, task, model)) {
      out += set.name + " " + std::filesystem::relative(set.path, dir.path).string() + "; ";
    }
    return out;
  }
};

TEST_F(Sets, FilesOfDirectories) {
  make("MNLI/dev_matched.tsv");
  make("MNLI/dev_mismatched.tsv");
  make("MNLI/test_mismatched.tsv");
  make("MNLI/train.tsv");
  make("SST-2/dev.jsonl");
  make("diagnostic/diagnostic.tsv");
  make("squad/dev-v2.0.json");
  EXPECT_EQ(names("MNLI", "dev", ""),
            "mnli-m MNLI/dev_matched.tsv; mnli-mm MNLI/dev_mismatched.tsv; ");
  EXPECT_EQ(names("MNLI", "test", ""), "mnli-mm MNLI/test_mismatched.tsv; ");
  EXPECT_EQ(names("MNLI", "train", ""), "mnli MNLI/train.tsv; ");
  EXPECT_EQ(names("SST-2", "dev", ""), "sst-2 SST-2/dev.jsonl; ");
  EXPECT_EQ(names("diagnostic", "test", ""), "ax diagnostic/diagnostic.tsv; ");
  EXPECT_EQ(names("", "dev", "sst2"), "sst-2 SST-2/dev.jsonl; ");
  EXPECT_EQ(names("squad", "dev", "squad"), "squad squad/dev-v2.0.json; ");
  EXPECT_EQ(names("SST-2/dev.jsonl", "dev", "none"), "dev.jsonl SST-2/dev.jsonl; ");
  model.task = "mnli";
  EXPECT_EQ(names("", "dev", ""), "mnli-m MNLI/dev_matched.tsv; mnli-mm MNLI/dev_mismatched.tsv; ");
}

TEST_F(Sets, WhatIsNotThereIsNamed) {
  make("RTE/train.tsv");
  EXPECT_EQ(error_of(ErrorKind::input, [&] { names("RTE", "dev", ""); }),
            dir.file("RTE") + ": has no dev.tsv (or .jsonl, .csv), dev_matched.tsv");
  EXPECT_THROW(names("RTE", "validation", ""), Error);
  EXPECT_THROW(names("RTE/train.tsv", "dev", "mnlii"), Error);
}

// ---- submissions ----

std::string submission(const char* task, const Strings& labels, const std::vector<float>& logits,
                       const std::string& id) {
  const bool regression = labels.size() == 1;
  const LabelMap map = find_label_map(
      &find_task(task), labels, regression ? ProblemType::regression : ProblemType::single_label);
  Example row;
  row.id = id;
  Result r;
  r.logits = logits;
  r.label = std::max_element(logits.begin(), logits.end()) - logits.begin();
  std::string out;
  append_submission(find_task(task), map, {&row, 1}, {&r, 1}, 7, &out);
  return out;
}

TEST(Submission, NamesNumbersAndScores) {
  const Strings two{"LABEL_0", "LABEL_1"};
  EXPECT_EQ(submission("cola", two, {0, 1}, "\"12"), "12\t1\n");
  EXPECT_EQ(submission("rte", two, {0, 1}, "\"12"), "12\tnot_entailment\n");
  EXPECT_EQ(submission("wnli", {"entailment", "not_entailment"}, {1, 0}, "\"0"), "0\t1\n");
  EXPECT_EQ(submission("ax", {"c", "d", "e"}, {0, 1, 0}, "\"3"), "3\tentailment\n");
  EXPECT_EQ(submission("sts-b", {"LABEL_0"}, {3.14159f}, "\"3"), "3\t3.142\n");
  EXPECT_EQ(submission("sts-b", {"LABEL_0"}, {5.2f}, "\"3"), "3\t5.000\n");
  EXPECT_EQ(submission("sts-b", {"LABEL_0"}, {-0.2f}, "\"3"), "3\t0.000\n");
  // No index in the file: rows count from 0.
  EXPECT_EQ(submission("sst-2", two, {0, 1}, "8"), "7\t1\n");
}

TEST(Submission, Files) {
  DataSet set;
  for (const auto& [name, task, file] :
       std::vector<std::array<const char*, 3>>{{"mnli-mm", "mnli", "MNLI-mm.tsv"},
                                               {"mnli-m", "mnli", "MNLI-m.tsv"},
                                               {"cola", "cola", "CoLA.tsv"},
                                               {"sst-2", "sst-2", "SST-2.tsv"},
                                               {"sts-b", "sts-b", "STS-B.tsv"},
                                               {"qqp", "qqp", "QQP.tsv"},
                                               {"qnli", "qnli", "QNLI.tsv"},
                                               {"rte", "rte", "RTE.tsv"},
                                               {"wnli", "wnli", "WNLI.tsv"},
                                               {"mrpc", "mrpc", "MRPC.tsv"},
                                               {"ax", "ax", "AX.tsv"}}) {
    set.name = name;
    set.task = &find_task(task);
    EXPECT_EQ(submission_file(set), file);
  }
  set.task = nullptr;
  EXPECT_THROW(submission_file(set), Error);
}

}  // namespace
}  // namespace costeff::tasks
