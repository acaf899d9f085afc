// A policy against the exits that a model has.

#include "runtime/plan.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error_of.h"

namespace costeff::runtime {
namespace {

// Six layers with exits at 2, 4 and 6.
model::Model six_layers(bool regression = false, bool learned = false) {
  model::Model m;
  m.dialect = "deebert-bert";
  m.regression = regression;
  m.layers.resize(6);
  for (int64_t layer : {2, 4, 6}) {
    model::Head head;
    head.layer = layer;
    if (learned && layer < 6) head.lte.emplace();
    m.heads.push_back(head);
  }
  return m;
}

ExitPolicy policy_of(PolicyKind kind, int64_t layer = 0) {
  ExitPolicy p;
  p.kind = kind;
  p.layer = layer;
  return p;
}

TEST(PolicyMisfit, SaysWhatTheModelLacks) {
  const model::Model plain = six_layers(), score = six_layers(true),
                     learned = six_layers(false, true);
  struct Case {
    const model::Model& model;
    ExitPolicy policy;
    std::string expected;
  };
  const std::string no_probabilities =
      " needs probabilities, and this model gives a score (regression)";
  for (const Case& c : {
           Case{plain, policy_of(PolicyKind::never), ""},
           {plain, policy_of(PolicyKind::entropy), ""},
           {plain, policy_of(PolicyKind::max_prob), ""},
           {plain, policy_of(PolicyKind::margin), ""},
           {plain, policy_of(PolicyKind::patience), ""},
           {plain, policy_of(PolicyKind::learned),
            "policy learned needs a model with a learned exit (BERxiT), and this one is "
            "deebert-bert"},
           {learned, policy_of(PolicyKind::learned), ""},
           {score, policy_of(PolicyKind::never), ""},
           {score, policy_of(PolicyKind::patience), ""},
           {score, policy_of(PolicyKind::entropy), "policy entropy" + no_probabilities},
           {score, policy_of(PolicyKind::max_prob), "policy max-prob" + no_probabilities},
           {score, policy_of(PolicyKind::margin), "policy margin" + no_probabilities},
           {plain, policy_of(PolicyKind::fixed, 4), ""},
           {plain, policy_of(PolicyKind::fixed, 6), ""},
           {plain, policy_of(PolicyKind::fixed, 3),
            "no exit at layer 3; this model has exits at layer 2, 4, 6"},
       }) {
    EXPECT_EQ(policy_misfit(c.model, c.policy), c.expected);
    if (c.expected.empty()) {
      EXPECT_NO_THROW(make_plan(c.model, c.policy, false));
    } else {
      EXPECT_EQ(error_of(ErrorKind::usage, [&] { make_plan(c.model, c.policy, false); }),
                c.expected);
    }
  }
}

// Only a fixed layer cuts the model short, and not when all exits are asked for.
TEST(MakePlan, LastLayer) {
  const model::Model m = six_layers();
  EXPECT_EQ(make_plan(m, policy_of(PolicyKind::never), false).last_layer, 6);
  EXPECT_EQ(make_plan(m, policy_of(PolicyKind::entropy), false).last_layer, 6);
  EXPECT_EQ(make_plan(m, policy_of(PolicyKind::fixed, 4), false).last_layer, 4);
  EXPECT_EQ(make_plan(m, policy_of(PolicyKind::fixed, 4), true).last_layer, 6);
  EXPECT_TRUE(make_plan(m, policy_of(PolicyKind::fixed, 4), true).all_exits);
  EXPECT_EQ(make_plan(m, policy_of(PolicyKind::fixed, 4), false).policy.layer, 4);
}

}  // namespace
}  // namespace costeff::runtime
