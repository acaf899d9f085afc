// Which policy is in force, and that the flags mean what the engine means.

#include <gtest/gtest.h>

#include <set>

#include "cli/expected_rows.h"

namespace costeff::cli {
namespace {

using Strings = std::vector<std::string>;

ExitPolicy never() { return {}; }
ExitPolicy with(PolicyKind kind, std::vector<double> thresholds, int64_t exit_start = 1) {
  ExitPolicy p;
  p.kind = kind;
  p.thresholds = std::move(thresholds);
  p.exit_start = exit_start;
  return p;
}
ExitPolicy patience(int64_t exits) {
  ExitPolicy p;
  p.kind = PolicyKind::patience;
  p.patience = exits;
  return p;
}
ExitPolicy in_a_row(PolicyKind kind, int64_t exits, double threshold, bool average = false) {
  ExitPolicy p = with(kind, {threshold});
  p.patience = exits;
  p.average = average;
  return p;
}
ExitPolicy evidence(std::vector<double> weights, double threshold) {
  ExitPolicy p = with(PolicyKind::evidence, {threshold});
  p.exit_weights = std::move(weights);
  return p;
}
ExitPolicy fixed(int64_t layer) {
  ExitPolicy p;
  p.kind = PolicyKind::fixed;
  p.layer = layer;
  return p;
}

class InferPolicy : public testing::Test {
 protected:
  InferPolicy() : engine_(model_.path()) {}

  Finished infer(const Strings& flags) const {
    Strings args = {"infer", model_.path(), "-"};
    args.insert(args.end(), flags.begin(), flags.end());
    return run(args, joined(texts_));
  }
  // The flags must give the rows that the engine gives with that policy.
  void expect_policy(const Strings& flags, const ExitPolicy& policy) const {
    RunOptions options;
    options.policy = policy;
    const Finished f = infer(flags);
    EXPECT_EQ(f.err, "");
    EXPECT_EQ(f.out, expected_tsv(engine_.score(rows_of(texts_), options)));
  }
  std::set<std::string> exits(const Strings& flags) const {
    const Strings all = column(infer(flags).out, 4);
    return {all.begin(), all.end()};
  }
  void state(const std::string& exit_policy) const {
    write_file(model_.dir.file("exit_policy.json"), exit_policy);
  }

  TinyModel model_;
  Engine engine_;
  std::vector<std::string> texts_ = tiny_texts(40, 11);
};

TEST_F(InferPolicy, ThresholdAloneIsEntropy) {
  expect_policy({"--threshold", "0.9"}, with(PolicyKind::entropy, {0.9}));
  expect_policy({"-S", "0.9"}, with(PolicyKind::entropy, {0.9}));
  EXPECT_GT(exits({"--threshold", "0.9"}).size(), 1u);
  EXPECT_EQ(exits({"--threshold", "0"}), std::set<std::string>{"4"});
  EXPECT_EQ(exits({"--threshold", "1.1"}), std::set<std::string>{"1"});  // above ln 3
}

TEST_F(InferPolicy, ThresholdForEachLayer) {
  expect_policy({"--threshold", "0,0.7,0.9"}, with(PolicyKind::entropy, {0, 0.7, 0.9}));
  expect_policy({"--threshold", "0,0.7,0.9,5"}, with(PolicyKind::entropy, {0, 0.7, 0.9}));
  EXPECT_EQ(exits({"--threshold", "0,0,2"}), std::set<std::string>{"3"});
}

TEST_F(InferPolicy, EachPolicy) {
  expect_policy({"--policy", "never"}, never());
  expect_policy({"--policy", "entropy", "--threshold", "0.8"}, with(PolicyKind::entropy, {0.8}));
  expect_policy({"--policy", "max-prob", "--threshold", "0.6"}, with(PolicyKind::max_prob, {0.6}));
  expect_policy({"--policy", "margin", "--threshold", "0.3"}, with(PolicyKind::margin, {0.3}));
  expect_policy({"--policy", "patience", "--patience", "2"}, patience(2));
  expect_policy({"--patience", "1"}, patience(1));
  expect_policy({"--policy", "fixed", "--exit-layer", "2"}, fixed(2));
  EXPECT_EQ(exits({"--exit-layer", "3"}), std::set<std::string>{"3"});
  EXPECT_EQ(exits({"--policy", "max-prob", "--threshold", "0"}), std::set<std::string>{"1"});
}

TEST_F(InferPolicy, ExitStart) {
  expect_policy({"--threshold", "0.9", "--exit-start", "3"}, with(PolicyKind::entropy, {0.9}, 3));
  EXPECT_EQ(exits({"--threshold", "2", "--exit-start", "3"}), std::set<std::string>{"3"});
}

TEST_F(InferPolicy, TheModelsOwn) {
  EXPECT_EQ(exits({}), std::set<std::string>{"4"});
  EXPECT_NE(infer({"-v"}).err.find(
                "exit policy: never (the last layer answers) (the model states none)\n"),
            std::string::npos);
  state(R"({"policy": "max-prob", "threshold": 0.6, "exit_start": 2})");
  expect_policy({}, with(PolicyKind::max_prob, {0.6}, 2));
  const Finished f = infer({"--verbose"});
  EXPECT_NE(
      f.err.find("exit policy: largest probability above 0.6, from layer 2 (exit_policy.json)\n"),
      std::string::npos)
      << f.err;
  EXPECT_NE(f.err.find("\nkernels: "), std::string::npos);
  EXPECT_EQ(f.err.find("costeff:"), std::string::npos);
  EXPECT_EQ(infer({"-v", "-q"}).err, "");
  // What the flags leave open comes from the model.
  expect_policy({"--threshold", "0.5"}, with(PolicyKind::max_prob, {0.5}, 2));
  expect_policy({"--exit-start", "3"}, with(PolicyKind::max_prob, {0.6}, 3));
  expect_policy({"--policy", "never"}, never());
  expect_policy({"--exit-layer", "1"}, fixed(1));
  EXPECT_NE(infer({"--threshold", "0.5", "-v"})
                .err.find("largest probability above 0.5, from layer 2 (flags)\n"),
            std::string::npos);
}

TEST_F(InferPolicy, TheModelsOwnPatience) {
  state(R"({"policy": "patience", "patience": 1, "exit_start": 2})");
  ExitPolicy own = patience(1);
  own.exit_start = 2;
  expect_policy({}, own);
  EXPECT_NE(infer({"-v"}).err.find("exit policy: patience 1, from layer 2 (exit_policy.json)\n"),
            std::string::npos);
  own.patience = 2;
  expect_policy({"--patience", "2"}, own);
  expect_policy({"--threshold", "0.9"}, with(PolicyKind::entropy, {0.9}, 2));
  // A threshold leaves the patience as it is.
  state(R"({"policy": "patience", "patience": 2, "threshold": 0.5})");
  EXPECT_NE(infer({"-v", "--threshold", "0.25"})
                .err.find("exit policy: patience 2, difference below 0.25 (flags)\n"),
            std::string::npos);
}

// An error of the model, whatever the flags are.
TEST_F(InferPolicy, TheModelsOwnThatCannotRun) {
  for (const Strings& flags : {Strings{}, Strings{"--policy", "never"}}) {
    state(R"({"policy": "learned", "threshold": 0.1})");
    Finished f = infer(flags);
    EXPECT_EQ(f.exit_code, 4);
    EXPECT_EQ(f.err, "costeff: " + model_.path() +
                         "/exit_policy.json: policy learned needs a model with a learned exit "
                         "(BERxiT), and this one is deebert-bert\n");
    state(R"({"policy": "fixed", "layer": 9})");
    f = infer(flags);
    EXPECT_EQ(f.exit_code, 4);
    EXPECT_EQ(f.err, "costeff: " + model_.path() +
                         "/exit_policy.json: policy fixed: layer 9 to leave at, expected 1 to 4\n");
  }
}

TEST(InferRegression, WhatNeedsLabelsIsRefused) {
  const TinyModel model({.labels = 1});
  const auto infer = [&](const Strings& flags) {
    Strings args = {"infer", model.path(), "-"};
    args.insert(args.end(), flags.begin(), flags.end());
    return run(args, "w1\n");
  };
  EXPECT_EQ(infer({}).out.substr(0, 20), "id\tvalue\texit_layer\n");
  Finished f = infer({"--top-k", "2"});
  EXPECT_EQ(f.exit_code, 2);
  EXPECT_EQ(f.out, "");
  EXPECT_EQ(f.err, "costeff: --top-k needs labels, and this model gives a score (regression)\n");
  f = infer({"--threshold", "0.5"});
  EXPECT_EQ(f.exit_code, 2);
  EXPECT_EQ(f.err,
            "costeff: policy entropy needs probabilities, and this model gives a score "
            "(regression)\n");
  write_file(model.dir.file("exit_policy.json"), R"({"policy": "margin", "threshold": 0.5})");
  f = infer({});
  EXPECT_EQ(f.exit_code, 4);
  EXPECT_EQ(f.err, "costeff: " + model.path() +
                       "/exit_policy.json: policy margin needs probabilities, and this model gives "
                       "a score (regression)\n");
  // Each exit is compared with the one before it.
  write_file(model.dir.file("exit_policy.json"),
             R"({"policy": "patience", "patience": 1, "threshold": 1000})");
  EXPECT_EQ(column(infer({}).out, 2), Strings{"2"});
}

TEST_F(InferPolicy, WrongOnes) {
  const auto error = [&](const Strings& flags) {
    const Finished f = infer(flags);
    EXPECT_EQ(f.exit_code, 2);
    EXPECT_EQ(f.out, "");
    return f.err;
  };
  EXPECT_EQ(error({"--policy", "max-prob"}), "costeff: --policy max-prob needs --threshold\n");
  EXPECT_EQ(error({"--policy", "entropy"}), "costeff: --policy entropy needs --threshold\n");
  EXPECT_EQ(error({"--policy", "fixed"}), "costeff: --policy fixed needs --exit-layer\n");
  EXPECT_EQ(error({"--policy", "patience"}), "costeff: --policy patience needs --patience\n");
  EXPECT_EQ(error({"--policy", "never", "--threshold", "1"}),
            "costeff: policy never takes no threshold\n");
  EXPECT_EQ(
      error({"--policy", "lucky"}),
      "costeff: policy \"lucky\" is not known, expected one of never, entropy, max-prob, margin, "
      "patience, learned, fixed, confident-patience, divergence-patience, evidence\n");
  EXPECT_EQ(error({"--threshold", "0.3,x"}),
            "costeff: threshold \"0.3,x\", expected a number, or one a layer: 0.3,0.2,0.1\n");
  EXPECT_EQ(error({"--threshold", "nan"}),
            "costeff: threshold \"nan\", expected a number, or one a layer: 0.3,0.2,0.1\n");
  EXPECT_EQ(error({"--threshold", "1,2"}),
            "costeff: policy entropy: 2 thresholds, expected one, or one for each of 4 layers (the "
            "last may be left "
            "out)\n");
  EXPECT_EQ(error({"--exit-layer", "5"}),
            "costeff: policy fixed: layer 5 to leave at, expected 1 to 4\n");
  EXPECT_EQ(error({"--exit-start", "5"}), "costeff: exit start 5, expected 1 to 4\n");
  EXPECT_EQ(error({"--exit-layer", "2", "--exit-start", "3"}),
            "costeff: --exit-layer 2 lies before --exit-start 3\n");
  EXPECT_EQ(error({"--policy", "entropy", "--threshold", "1", "--exit-layer", "2"}),
            "costeff: --exit-layer goes with --policy fixed\n");
}

TEST_F(InferPolicy, ExitsInARow) {
  const PolicyKind confident = PolicyKind::confident_patience,
                   divergent = PolicyKind::divergence_patience;
  const Strings two{"--policy", "confident-patience", "--patience", "2", "-S", "1"};
  const auto and_more = [](Strings flags, const Strings& more) {
    flags.insert(flags.end(), more.begin(), more.end());
    return flags;
  };
  expect_policy(two, in_a_row(confident, 2, 1));
  expect_policy(and_more(two, {"--average"}), in_a_row(confident, 2, 1, true));
  EXPECT_NE(infer(two).out, infer(and_more(two, {"--average"})).out);
  expect_policy({"--policy", "divergence-patience", "--patience", "1", "-S", "0.01"},
                in_a_row(divergent, 1, 0.01));
  expect_policy({"--policy", "evidence", "--exit-weights", "0.5,0.75,1", "-S", "0.8"},
                evidence({0.5, 0.75, 1}, 0.8));
  expect_policy({"--policy", "evidence", "--exit-weights", "1", "-S", "0.8"}, evidence({1}, 0.8));

  // What the flags leave open comes from the model's own policy.
  state(R"({"policy": "confident-patience", "patience": 2, "threshold": 1, "average": true})");
  expect_policy({}, in_a_row(confident, 2, 1, true));
  expect_policy({"--patience", "3"}, in_a_row(confident, 3, 1, true));
  expect_policy({"-S", "0.9"}, in_a_row(confident, 2, 0.9, true));
  expect_policy({"--no-average"}, in_a_row(confident, 2, 1));
  expect_policy({"--policy", "divergence-patience", "--patience", "1", "-S", "0.01"},
                in_a_row(divergent, 1, 0.01));
  EXPECT_NE(infer({"-v"}).err.find("exit policy: confident-patience 2, entropy below 1, average of "
                                   "the 2 exits (exit_policy.json)\n"),
            std::string::npos);
  state(R"({"policy": "evidence", "threshold": 0.8, "exit_weights": [0.5, 0.75, 1]})");
  expect_policy({}, evidence({0.5, 0.75, 1}, 0.8));
  expect_policy({"--policy", "evidence", "-S", "1.1"}, evidence({0.5, 0.75, 1}, 1.1));
  expect_policy({"--exit-weights", "1"}, evidence({1}, 0.8));
}

TEST_F(InferPolicy, ErrorsOfExitsInARow) {
  const std::string weights =
      "policy evidence needs exit weights; costeff tune --policy evidence estimates them, "
      "--exit-weights gives them";
  const struct {
    Strings flags;
    std::string error;
  } cases[] = {
      {{"--policy", "confident-patience"},
       "--policy confident-patience needs --patience and --threshold"},
      {{"--policy", "confident-patience", "-S", "1"},
       "--policy confident-patience needs --patience"},
      {{"--policy", "divergence-patience", "--patience", "1"},
       "--policy divergence-patience needs --threshold"},
      {{"--policy", "confident-patience", "-S", "1", "--patience", "0"},
       "policy confident-patience: patience 0, expected 1 or more"},
      {{"--policy", "confident-patience", "-S", "-1", "--patience", "1"},
       "policy confident-patience: threshold -1, expected 0 or more"},
      {{"--policy", "entropy", "-S", "1", "--patience", "1"},
       "--patience goes with --policy patience, confident-patience or divergence-patience"},
      {{"--policy", "entropy", "-S", "1", "--average"},
       "--average goes with --policy confident-patience"},
      {{"--average"}, "--average goes with --policy confident-patience"},
      {{"--policy", "evidence", "-S", "1"}, weights},
      {{"--policy", "evidence", "--exit-weights", "1"}, "--policy evidence needs --threshold"},
      {{"--exit-weights", "1"}, "--exit-weights goes with --policy evidence"},
      {{"--policy", "evidence", "-S", "1", "--exit-weights", "1,2"},
       "policy evidence: 2 exit weights, expected one, or one for each of 4 layers (the last may "
       "be "
       "left out)"},
      {{"--policy", "evidence", "-S", "1", "--exit-weights", "1,-1,1"},
       "policy evidence: exit weight -1, expected 0 or more"},
      {{"--policy", "evidence", "-S", "1", "--exit-weights", "1,inf,1"},
       "--exit-weights \"1,inf,1\", expected a number, or one a layer: 0.8,0.85,0.9"},
  };
  for (const auto& c : cases) {
    const Finished f = infer(c.flags);
    EXPECT_EQ(f.exit_code, 2) << c.error;
    EXPECT_EQ(f.out, "") << c.error;
    EXPECT_EQ(f.err, "costeff: " + c.error + "\n");
  }
  state(R"({"policy": "evidence", "threshold": 1, "exit_weights": [1, 1]})");
  const Finished f = infer({});
  EXPECT_EQ(f.exit_code, 4);
  EXPECT_EQ(f.err,
            "costeff: " + model_.path() +
                "/exit_policy.json: policy evidence: 2 exit weights, expected one, or one for "
                "each of 4 layers (the last may be left out)\n");
}

TEST(InferBundledModel, AnswersOfTheSample) {
  const std::string models = std::string(COSTEFF_SOURCE_DIR) + "/models/";
  const Finished f = run({"infer", models + "sst2-slender", models + "sample.txt"});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(f.err, "");
  Strings signs;
  for (const std::string& label : column(f.out, 1)) signs.push_back(label.substr(0, 3));
  EXPECT_EQ(signs, (Strings{"pos", "neg", "pos", "neg", "pos", "neg", "neg", "pos", "neg", "pos",
                            "neg", "neg"}));
  EXPECT_EQ(column(f.out, 4),
            (Strings{"1", "1", "1", "1", "1", "2", "2", "1", "1", "1", "1", "1"}));
  EXPECT_NE(run({"infer", models + "sst2-slender", models + "sample.txt", "-v"})
                .err.find("exit policy: entropy below 0.4 (exit_policy.json)\n"),
            std::string::npos);
}

}  // namespace
}  // namespace costeff::cli
