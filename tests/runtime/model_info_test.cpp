// The sizes that `costeff inspect` shows.

#include "runtime/model_info.h"

#include <gtest/gtest.h>

#include "checkpoint/tensor_shapes.h"

namespace costeff::runtime {
namespace {

using checkpoint::Shapes;

// Every tensor of these files is in use, so a model has as many parameters as its file has numbers:
// parameters that exits share count once.
TEST(ModelInfo, SharedParametersCountOnce) {
  Shapes berxit = checkpoint::deebert("bert.", checkpoint::kL - 1);
  berxit.linear("bert.encoder.lte_classifier", 1, checkpoint::kH);
  for (const Shapes& s : {checkpoint::plain_bert(), checkpoint::pabee(), berxit}) {
    int64_t numbers = 0;
    for (const Tensor& t : checkpoint::make_set(s).tensors) numbers += t.numel();
    const ModelInfo info = describe(checkpoint::make_model(s));
    EXPECT_EQ(info.parameters, numbers) << info.dialect;
    EXPECT_TRUE(info.unused.empty()) << info.dialect;
  }
  // Each exit still has the pooler.
  const ModelInfo info = describe(checkpoint::make_model(checkpoint::pabee()));
  ASSERT_EQ(info.exits.size(), 3u);
  for (const ExitInfo& e : info.exits) EXPECT_EQ(e.parameters, (8 * 8 + 8) + (2 * 8 + 2));
}

}  // namespace
}  // namespace costeff::runtime
