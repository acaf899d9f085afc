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

// H 8, E 6, heads of 4, F 12; texts of 5 tokens.
TEST(ModelInfo, MultiplyAccumulatesOfMapsAndSharedLayers) {
  constexpr int64_t kTokens = 5, kMap = kTokens * 6 * 8, kExit = 8 * 8 + 2 * 8;
  constexpr int64_t kLayer = 4 * kTokens * 8 * 8 + 2 * kTokens * kTokens * 8 + 2 * kTokens * 8 * 12;
  constexpr int64_t kLastFeedForward = 2 * 8 * 12;
  const ModelInfo electra =
      describe(checkpoint::make_model(checkpoint::electra(), checkpoint::config_of("electra")));
  EXPECT_EQ(electra.embedding_size, 6);
  EXPECT_TRUE(electra.embedding_map);
  EXPECT_EQ(macs(electra, kTokens, 2, false), kMap + 2 * kLayer);
  // The last layer: a query, an output and the values' sum of one row; scores and sums over x by head.
  EXPECT_EQ(macs(electra, kTokens, 3, false),
            kMap + 2 * kLayer + 4 * 8 * 8 + 2 * kTokens * 2 * 8 + kLastFeedForward + kExit);

  const ModelInfo albert =
      describe(checkpoint::make_model(checkpoint::albert(), checkpoint::albert_config(4)));
  ASSERT_EQ(albert.layers.size(), 4u);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(albert.layers[i].same_as, i == 0 ? 0 : 1);
  EXPECT_GT(albert.layers[0].parameters, 0);
  EXPECT_EQ(albert.layers[3].parameters, 0);
  EXPECT_EQ(macs(albert, kTokens, 3, false), kMap + 3 * kLayer);
  // With weights that others have too, keys and values are computed.
  EXPECT_EQ(macs(albert, kTokens, 4, false), kMap + 3 * kLayer + 2 * 8 * 8 + 2 * kTokens * 8 * 8 +
                                                 2 * kTokens * 8 + kLastFeedForward + kExit);
  const ModelInfo plain = describe(checkpoint::make_model(checkpoint::plain_bert()));
  EXPECT_EQ(plain.embedding_size, plain.hidden_size);
  EXPECT_EQ(macs(plain, kTokens, 2, false), 2 * kLayer);
}

}  // namespace
}  // namespace costeff::runtime
