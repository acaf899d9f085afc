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
      "patience, learned, fixed\n");
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
            (Strings{"1", "1", "3", "2", "1", "2", "6", "1", "1", "1", "1", "1"}));
  EXPECT_NE(run({"infer", models + "sst2-slender", models + "sample.txt", "-v"})
                .err.find("exit policy: entropy below 0.4 (exit_policy.json)\n"),
            std::string::npos);
}

}  // namespace
}  // namespace costeff::cli
