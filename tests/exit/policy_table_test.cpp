#include <costeff/error.h>
#include <costeff/policy.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/error_of.h"

namespace costeff {
namespace {

ExitPolicy policy_of(PolicyKind kind, std::vector<double> thresholds = {}, int64_t number = 0) {
  ExitPolicy p;
  p.kind = kind;
  p.thresholds = std::move(thresholds);
  if (const auto at = policy_traits(kind).number_at) p.*at = number;
  return p;
}

ExitPolicy weighted(std::vector<double> weights, double threshold = 1) {
  ExitPolicy p = policy_of(PolicyKind::evidence, {threshold});
  p.exit_weights = std::move(weights);
  return p;
}

ExitPolicy averaged(ExitPolicy p) {
  p.average = true;
  return p;
}

ExitPolicy from(int64_t exit_start, ExitPolicy p) {
  p.exit_start = exit_start;
  return p;
}

TEST(PolicyTable, ARowForEachKind) {
  for (const PolicyTraits& row : kPolicies) {
    EXPECT_EQ(&policy_traits(row.value), &row);
    EXPECT_EQ(parse_policy_kind(row.name), row.value);
    EXPECT_EQ(policy_name(row.value), row.name);
    EXPECT_EQ(row.threshold == ThresholdUse::none, row.compared.empty()) << row.name;
    EXPECT_EQ(row.number_at == nullptr, row.number.empty()) << row.name;
  }
  EXPECT_EQ(error_of(ErrorKind::usage, [] { parse_policy_kind("entropie"); }),
            "policy \"entropie\" is not known, expected one of never, entropy, max-prob, margin, "
            "patience, learned, fixed, confident-patience, divergence-patience, evidence");
}

TEST(PolicyTable, WhoAsksExits) {
  EXPECT_FALSE(asks_exits(policy_of(PolicyKind::never)));
  EXPECT_FALSE(asks_exits(policy_of(PolicyKind::fixed, {}, 2)));
  EXPECT_FALSE(asks_exits(policy_of(PolicyKind::patience, {}, 0)));  // never leaves
  EXPECT_TRUE(asks_exits(policy_of(PolicyKind::patience, {}, 1)));
  for (const PolicyKind kind :
       {PolicyKind::entropy, PolicyKind::max_prob, PolicyKind::margin, PolicyKind::learned})
    EXPECT_TRUE(asks_exits(policy_of(kind, {0.5})));
}

TEST(ParseExitWeights, OneOrOneALayer) {
  EXPECT_EQ(parse_exit_weights("1"), std::vector<double>{1});
  EXPECT_EQ(parse_exit_weights("0.8,0.85,1e-1"), (std::vector<double>{0.8, 0.85, 0.1}));
  for (const char* wrong : {"", "x", "0.3,", "nan", "0.5;0.6", "0.1,2;0.3,1"}) {
    EXPECT_EQ(error_of(ErrorKind::usage, [&] { parse_exit_weights(wrong); }),
              "--exit-weights \"" + std::string(wrong) +
                  "\", expected a number, or one a layer: 0.8,0.85,0.9");
  }
}

TEST(ParseThresholds, Forms) {
  EXPECT_EQ(parse_thresholds("0.3"), std::vector<double>{0.3});
  EXPECT_EQ(parse_thresholds("1,0.5,1e-3"), (std::vector<double>{1, 0.5, 1e-3}));
  EXPECT_EQ(parse_thresholds("0.1,2;0.4,1"), (std::vector<double>{0.1, 0.1, 0.4}));
  for (const char* wrong : {"", "x", "0.3,", "0.3 ", "nan", "inf", "0.1,2;", "0.1;0.2",
                            "0.1,0;0.2,1", "0.1,1e9;1,1", "0.1,1,1;0.2,1"}) {
    EXPECT_THROW(parse_thresholds(wrong), Error) << wrong;
  }
}

TEST(ParseThresholdList, Forms) {
  EXPECT_EQ(parse_threshold_list("0,0.5"), (std::vector<double>{0, 0.5}));
  EXPECT_EQ(parse_threshold_list("0:0.2:0.1"), (std::vector<double>{0, 0.1, 0.2}));
  const struct {
    const char *text, *why;
  } wrong[] = {{"x", ""},
               {"0.1,2;0.4,1", ""},
               {"0,nan", ""},
               {"", ""},
               {"0:1", ""},
               {"0:1:0", ": the step is not above 0"},
               {"1:0:0.1", ": the last lies before the first"},
               {"0:1:1e-9", ": more than 10000 thresholds"},
               {"-1e308:1e308:1", ": more than 10000 thresholds"}};
  for (const auto& c : wrong) {
    EXPECT_EQ(error_of(ErrorKind::usage, [&] { parse_threshold_list(c.text); }),
              "--thresholds \"" + std::string(c.text) + "\"" + c.why +
                  ", expected numbers 0,0.1,0.2 or first:last:step");
  }
}

TEST(CheckPolicy, SaysWhatDoesNotFit) {
  const ModelExits classifier{
      .layers = {2, 3, 4}, .num_labels = 2, .learned = false, .dialect = "deebert"};
  const ModelExits score{
      .layers = {2, 3, 4}, .num_labels = 1, .problem = ProblemType::regression, .learned = true};
  const struct {
    ModelExits model;
    ExitPolicy policy;
    const char* fault;
  } cases[] = {
      {classifier, {}, ""},
      {classifier, policy_of(PolicyKind::entropy, {0.1}), ""},
      {classifier, policy_of(PolicyKind::entropy, {1, 2, 3}), ""},
      {classifier, policy_of(PolicyKind::entropy, {1, 2, 3, 4}), ""},
      {classifier, policy_of(PolicyKind::patience), ""},
      {classifier, policy_of(PolicyKind::patience, {0.1}, 3), ""},
      {classifier, policy_of(PolicyKind::fixed, {}, 3), ""},
      {score, policy_of(PolicyKind::patience, {0.1}, 3), ""},
      {classifier, policy_of(PolicyKind::confident_patience, {0.1}, 1), ""},
      {classifier, averaged(policy_of(PolicyKind::confident_patience, {1, 2, 3}, 9)), ""},
      {classifier, policy_of(PolicyKind::divergence_patience, {0}, 1), ""},
      {classifier, weighted({1}), ""},
      {classifier, weighted({0, 0.5, 0.75}), ""},
      {classifier, weighted({0, 0.5, 0.75, 0.8}, 0), ""},
      {score, policy_of(PolicyKind::learned, {0.1}), ""},
      {classifier, policy_of(PolicyKind::entropy), "policy entropy needs a threshold"},
      {classifier, policy_of(PolicyKind::never, {1}), "policy never takes no threshold"},
      {classifier, policy_of(PolicyKind::fixed, {1}, 3), "policy fixed takes no threshold"},
      {classifier, policy_of(PolicyKind::margin, {1, 2}),
       "policy margin: 2 thresholds, expected one, or one for each of 4 layers (the last may be "
       "left out)"},
      {classifier, policy_of(PolicyKind::entropy, {NAN}),
       "policy entropy: a threshold is not a finite number"},
      {classifier, policy_of(PolicyKind::patience, {}, -1),
       "policy patience: patience -1, expected 0 or more"},
      {classifier, policy_of(PolicyKind::fixed),
       "policy fixed: layer 0 to leave at, expected 1 to 4"},
      {classifier, policy_of(PolicyKind::fixed, {}, 5),
       "policy fixed: layer 5 to leave at, expected 1 to 4"},
      {classifier, policy_of(PolicyKind::fixed, {}, 1),
       "no exit at layer 1; this model has exits at layer 2, 3, 4"},
      {classifier, from(0, {}), "exit start 0, expected 1 to 4"},
      {classifier, from(5, policy_of(PolicyKind::entropy, {1})), "exit start 5, expected 1 to 4"},
      {classifier, policy_of(PolicyKind::learned, {0.1}),
       "policy learned needs a model with a learned exit (BERxiT), and this one is deebert"},
      {score, policy_of(PolicyKind::entropy, {0.1}),
       "policy entropy needs probabilities, and this model gives a score (regression)"},
      {score, policy_of(PolicyKind::max_prob, {0.1}),
       "policy max-prob needs probabilities, and this model gives a score (regression)"},
      {score, policy_of(PolicyKind::margin, {0.1}),
       "policy margin needs probabilities, and this model gives a score (regression)"},
      {classifier, policy_of(PolicyKind::confident_patience, {}, 2),
       "policy confident-patience needs a threshold"},
      {classifier, policy_of(PolicyKind::confident_patience, {0.1}, 0),
       "policy confident-patience: patience 0, expected 1 or more"},
      {classifier, policy_of(PolicyKind::confident_patience, {-0.5}, 1),
       "policy confident-patience: threshold -0.5, expected 0 or more"},
      {classifier, policy_of(PolicyKind::divergence_patience, {0.1}, 0),
       "policy divergence-patience: patience 0, expected 1 or more"},
      {classifier, policy_of(PolicyKind::divergence_patience, {0.1, 0.2, -1}, 1),
       "policy divergence-patience: threshold -1, expected 0 or more"},
      {classifier, policy_of(PolicyKind::divergence_patience, {INFINITY}, 1),
       "policy divergence-patience: a threshold is not a finite number"},
      {classifier, averaged(policy_of(PolicyKind::divergence_patience, {0.1}, 2)),
       "policy divergence-patience answers with one exit, so there is nothing to average"},
      {classifier, weighted({1}, -1), "policy evidence: threshold -1, expected 0 or more"},
      {classifier, weighted({}),
       "policy evidence needs exit weights; costeff tune --policy evidence estimates them, "
       "--exit-weights gives them"},
      {classifier, weighted({1, 1}),
       "policy evidence: 2 exit weights, expected one, or one for each of 4 layers (the last may "
       "be left out)"},
      {classifier, weighted({1, NAN, 1}), "policy evidence: an exit weight is not a finite number"},
      {classifier, weighted({1, INFINITY, 1}),
       "policy evidence: an exit weight is not a finite number"},
      {classifier, weighted({1, -0.5, 1}), "policy evidence: exit weight -0.5, expected 0 or more"},
      {score, weighted({}),
       "policy evidence needs probabilities, and this model gives a score (regression)"},
      {score, policy_of(PolicyKind::confident_patience, {0.1}, 1),
       "policy confident-patience needs probabilities, and this model gives a score (regression)"},
      {score, policy_of(PolicyKind::divergence_patience, {0.1}, 1),
       "policy divergence-patience needs probabilities, and this model gives a score (regression)"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(policy_fault(c.model, c.policy), c.fault);
    EXPECT_EQ(error_of(ErrorKind::usage, [&] { check_policy(c.model, c.policy); }), c.fault);
  }
}

TEST(CheckPolicy, AKindWithoutItsSettings) {
  const ModelExits classifier{.layers = {1, 2}, .num_labels = 2};
  const ModelExits score{.layers = {1, 2}, .num_labels = 1, .problem = ProblemType::regression};
  for (const PolicyTraits& row : kPolicies) {
    const auto fault = [&](const ModelExits& m, int64_t start) {
      return error_of(ErrorKind::usage, [&] { check_policy_kind(m, row.value, start); });
    };
    EXPECT_EQ(fault(classifier, 1).empty(), row.value != PolicyKind::learned) << row.name;
    EXPECT_EQ(fault(score, 1).empty(), !row.needs_probabilities && !row.needs_learned_exit)
        << row.name;
    EXPECT_NE(fault(classifier, 3), "") << row.name;
  }
  EXPECT_EQ(error_of(ErrorKind::usage, [] { check_by_layer(PolicyKind::evidence); }),
            "policy evidence decides by several exits together, so its thresholds cannot be chosen "
            "layer by layer");
  for (const PolicyTraits& row : kPolicies) {
    EXPECT_EQ(error_of(ErrorKind::usage, [&] { check_by_layer(row.value); }).empty(),
              row.threshold == ThresholdUse::always && !row.remembers)
        << row.name;
  }
}

TEST(PolicyWords, InTablesAndInFull) {
  const struct {
    ExitPolicy policy;
    const char *name, *setting, *text, *full;
  } cases[] = {
      {{}, "never", "", "never (full depth)", "never (the last layer answers)"},
      {policy_of(PolicyKind::entropy, {0.1}), "entropy", "0.1", "entropy < 0.1",
       "entropy below 0.1"},
      {from(2, policy_of(PolicyKind::entropy, {0.3, 0.2})), "entropy", "0.3,0.2",
       "entropy < 0.3,0.2 from 2", "entropy below 0.3, 0.2, from layer 2"},
      {policy_of(PolicyKind::max_prob, {0.9}), "max-prob", "0.9", "max-prob > 0.9",
       "largest probability above 0.9"},
      {policy_of(PolicyKind::margin, {0.5}), "margin", "0.5", "margin > 0.5", "margin above 0.5"},
      {policy_of(PolicyKind::learned, {0.5}), "learned", "0.5", "learned < 0.5",
       "learned uncertainty below 0.5"},
      {policy_of(PolicyKind::patience, {}, 2), "patience", "2", "patience 2", "patience 2"},
      {from(3, policy_of(PolicyKind::patience, {0.5}, 2)), "patience", "2",
       "patience 2 < 0.5 from 3", "patience 2, difference below 0.5, from layer 3"},
      {from(3, policy_of(PolicyKind::fixed, {}, 3)), "fixed", "3", "leave at layer 3",
       "fixed, layer 3"},
      {policy_of(PolicyKind::confident_patience, {0.25}, 2), "confident-patience", "2 < 0.25",
       "confident-patience 2 < 0.25", "confident-patience 2, entropy below 0.25"},
      {averaged(policy_of(PolicyKind::confident_patience, {0.25}, 2)), "confident-patience",
       "2 < 0.25, average", "confident-patience 2 < 0.25, average",
       "confident-patience 2, entropy below 0.25, average of the 2 exits"},
      {averaged(policy_of(PolicyKind::confident_patience, {0.25}, 1)), "confident-patience",
       "1 < 0.25", "confident-patience 1 < 0.25", "confident-patience 1, entropy below 0.25"},
      {from(2, policy_of(PolicyKind::divergence_patience, {0.5, 0.25}, 3)), "divergence-patience",
       "3 < 0.5,0.25", "divergence-patience 3 < 0.5,0.25 from 2",
       "divergence-patience 3, divergence below 0.5, 0.25, from layer 2"},
      {weighted({0.5, 0.75}, 1.25), "evidence", "1.25", "evidence > 1.25",
       "evidence above 1.25, exit weights 0.5, 0.75"},
  };
  for (const auto& c : cases) {
    const PolicyWords words = policy_words(c.policy);
    EXPECT_EQ(words.name, c.name);
    EXPECT_EQ(words.setting, c.setting);
    EXPECT_EQ(words.text, c.text);
    EXPECT_EQ(policy_text(c.policy), c.full);
  }
}

}  // namespace
}  // namespace costeff
