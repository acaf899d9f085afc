#include "checkpoint/pruning_masks.h"

#include <gtest/gtest.h>

#include <limits>

#include "checkpoint/container_bytes.h"
#include "tensor_maker.h"

namespace costeff::checkpoint {
namespace {

const std::string kQuery = "bert.encoder.layer.0.attention.self.query.weight";

// `name` [8, 8] becomes name_orig and name_mask, which is 1 except for the elements in `zeros`.
Shapes pruned(const std::string& name, const std::vector<size_t>& zeros = {}) {
  Shapes s = plain_bert();
  s.at[name + "_orig"] = s.at[name + "_mask"] = s.at.at(name);
  s.at.erase(name);
  std::vector<float> orig, mask(64, 1.0f);
  for (int i = 0; i < 64; ++i) orig.push_back(static_cast<float>(i - 20) / 8);
  for (size_t i : zeros) mask[i] = 0;
  s.values[name + "_orig"] = orig;
  s.values[name + "_mask"] = mask;
  return s;
}

TEST(PruningMasks, TheProductTakesTheirPlace) {
  Shapes s = pruned(kQuery, {0, 9, 63});
  const model::Model m = make_model(s);
  const Tensor& query = m.parameters.tensor(m.arch.layers[0].attention->query.weight);
  EXPECT_EQ(query.name, kQuery);
  EXPECT_EQ(query.dtype, DType::f32);
  std::vector<float> expected = s.values[kQuery + "_orig"];
  for (size_t i : {0, 9, 63}) expected[i] = 0;
  EXPECT_EQ(test::floats(query), expected);
  EXPECT_TRUE(m.provenance.unused.empty() && m.provenance.warnings.empty());
  EXPECT_EQ(m.provenance.notes,
            std::vector<std::string>{
                "m/model.safetensors: 1 weight is its weight_orig times weight_mask"});
  // In any wrapper, and for biases.
  s.at["bert.pooler.dense.bias_orig"] = s.at["bert.pooler.dense.bias_mask"] = {kH};
  s.values["bert.pooler.dense.bias_mask"] = std::vector<float>(kH, 0.0f);
  s.at.erase("bert.pooler.dense.bias");
  Shapes wrapped = s;
  wrapped.values.clear();
  wrapped.rename([](const std::string& name) { return "net.module." + name; });
  for (const auto& [name, v] : s.values) wrapped.values["net.module." + name] = v;
  wrapped.values["net.module.bert.pooler.dense.bias_orig"] = std::vector<float>(kH, 3.0f);
  const model::Model w = make_model(wrapped);
  EXPECT_EQ(test::floats(w.parameters.tensor(w.arch.layers[0].attention->query.weight)), expected);
  EXPECT_EQ(test::floats(w.parameters.tensor(w.arch.heads[0].pooler->bias)),
            std::vector<float>(kH, 0.0f));
}

// As in torch: NaN times 0 is NaN, which is found when the layer is read.
TEST(PruningMasks, WhatIsNotFiniteStays) {
  Shapes s = pruned(kQuery, {5});
  s.values[kQuery + "_orig"][5] = std::numeric_limits<float>::infinity();
  const model::Model m = make_model(s);
  const Tensor& query = m.parameters.tensor(m.arch.layers[0].attention->query.weight);
  EXPECT_FALSE(std::isfinite(test::floats(query)[5]));
}

TEST(PruningMasks, ErrorsNameTheTensor) {
  const std::string place = "m/model.safetensors: tensor " + kQuery;
  Shapes s = pruned(kQuery);
  s.at.erase(kQuery + "_mask");
  EXPECT_EQ(build_error(s).find(place + "_orig: without weight_mask beside it"), 0u)
      << build_error(s);
  s = pruned(kQuery);
  s.at[kQuery] = {8, 8};
  EXPECT_EQ(build_error(s), place + "_orig: beside " + kQuery +
                                ", expected one of them: are the weights pruned or not?");
  s = pruned(kQuery);
  s.at[kQuery + "_mask"] = {8, 4};
  EXPECT_EQ(build_error(s), place + "_mask: shape [8, 4], expected [8, 8] as " + kQuery + "_orig");
  s = pruned(kQuery);
  s.values[kQuery + "_mask"][7] = 0.5f;
  EXPECT_EQ(build_error(s), place + "_mask: holds 0.5, expected a mask of 0 and 1");
  s = pruned(kQuery);
  s.dtypes[kQuery + "_mask"] = DType::i32;
  EXPECT_EQ(build_error(s), place + "_mask: dtype I32, expected F32, F16, BF16 or F64");
  // A mask beside the weight itself has no known meaning.
  s = plain_bert();
  s.at[kQuery + "_mask"] = {8, 8};
  EXPECT_EQ(build_error(s).find(place + "_mask: is inside the model"), 0u);
}

}  // namespace
}  // namespace costeff::checkpoint
