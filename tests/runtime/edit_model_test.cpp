// Models that lost exits or layers: the others are renumbered.

#include "runtime/convert/edit_model.h"

#include <gtest/gtest.h>

#include "checkpoint/tensor_shapes.h"

namespace costeff::runtime {
namespace {

int64_t layer_of(const model::Model& m, const model::Linear& l) {
  return m.parameters[l.weight].layer;
}

// PABEE's exits share a pooler, which belongs to the first of them.
TEST(EditModel, KeepExitsNumbersTheSharedPooler) {
  model::Model m = checkpoint::make_model(checkpoint::pabee());
  EXPECT_EQ(layer_of(m, *m.arch.heads[0].pooler), 1);
  const int64_t kept[] = {2};
  keep_exits(&m, kept);
  ASSERT_EQ(m.arch.heads.size(), 2u);
  EXPECT_EQ(layer_of(m, *m.arch.heads[0].pooler), 2);
  EXPECT_EQ(layer_of(m, m.arch.heads[0].classifier), 2);
  EXPECT_EQ(layer_of(m, m.arch.heads[1].classifier), 3);
}

TEST(EditModel, DropLayersNumbersWhatIsLeft) {
  model::Model m = checkpoint::make_model(checkpoint::pabee());
  const model::Linear last = m.arch.layers[2].ffn->out;
  EXPECT_EQ(layer_of(m, last), 3);
  const int64_t dropped[] = {1};
  drop_layers(&m, dropped);
  ASSERT_EQ(m.arch.layers.size(), 2u);
  EXPECT_EQ(m.arch.layers[1].ffn->out.weight, last.weight);
  EXPECT_EQ(layer_of(m, last), 2);
  EXPECT_EQ(layer_of(m, *m.arch.heads[0].pooler), 1);
  EXPECT_EQ(layer_of(m, m.arch.heads.back().classifier), 2);
}

}  // namespace
}  // namespace costeff::runtime
