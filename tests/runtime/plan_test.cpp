// Which layer is the last under a policy.

#include "runtime/plan.h"

#include <gtest/gtest.h>

namespace costeff::runtime {
namespace {

// Six layers with exits at 2, 4 and 6.
model::Model six_layers() {
  model::Model m;
  m.arch.layers.resize(6);
  for (int64_t layer : {2, 4, 6}) m.arch.heads.emplace_back().layer = layer;
  return m;
}

ExitPolicy policy_of(PolicyKind kind, int64_t layer = 0) {
  ExitPolicy p;
  p.kind = kind;
  p.layer = layer;
  return p;
}

// Only a fixed layer shortens the model, and not if all exits are to be computed.
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
