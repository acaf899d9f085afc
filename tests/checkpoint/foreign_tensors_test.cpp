#include "checkpoint/foreign_tensors.h"

#include <gtest/gtest.h>

#include "tensor_maker.h"

namespace costeff::checkpoint {
namespace {

const std::string kFlag = "; --ignore-unused answers without what the engine does not know";

Shapes with(Shapes s, const std::vector<std::string>& names) {
  for (const std::string& name : names) s.at[name] = {2, 2};
  return s;
}

model::Model built_without(const Shapes& s) {
  return build_model(make_set(s), make_config(), nullptr, /*ignore_unused=*/true);
}

TEST(ForeignTensors, KnownKindsAreNamedWithTheirCure) {
  const std::string layer = "bert.encoder.layer.0.";
  const struct {
    std::string name, what;
  } rows[] = {
      {layer + "attention.self.query.lora_A.default.weight", "a LoRA adapter that is not merged"},
      {layer + "attention.self.key.ia3_l.default", "an (IA)3 adapter"},
      {layer + "output.adapters.sst.adapter_down.0.weight", "an adapter"},
      {layer + "attention.self.query.mask_scores", "movement pruning that is not folded in"},
      {layer + "attention.self.distance_embedding.weight", "relative positions"},
      {layer + "output.dense.parametrizations.weight.original0", "a parametrization"},
      {layer + "output.dense.weight_fake_quant.scale", "quantisation aware training"},
      {layer + "crossattention.self.query.weight", "cross-attention"},
      {"bert.prefix_tuning.wte.weight", "prefix tuning"},
      {"prompt_encoder.default.embedding.weight", "a prompt that was trained"},
      {"classifier.modules_to_save.default.weight", "a module that peft trained"},
      {"bert.pooler.dense.lora_B.default.weight", "a LoRA adapter that is not merged"},
  };
  for (const auto& row : rows) {
    const Shapes s = with(plain_bert(), {row.name});
    const std::string error = build_error(s);
    EXPECT_EQ(error.find("m/model.safetensors: tensor " + row.name + ": is part of " + row.what),
              0u)
        << error;
    EXPECT_TRUE(error.ends_with(kFlag)) << error;
    const model::Model m = built_without(s);
    EXPECT_EQ(m.provenance.dialect, "plain-bert");
    EXPECT_EQ(m.provenance.warnings,
              std::vector<std::string>{"m/model.safetensors: 1 tensor of the model that the engine "
                                       "does not know is ignored (--ignore-unused), the first: " +
                                       row.name});
  }
}

// The message names the adapter even if the weights that it replaces are missing.
TEST(ForeignTensors, PeftStateDicts) {
  Shapes s = plain_bert();
  s.rename([](const std::string& name) {
    std::string out = "base_model.model." + name;
    if (const size_t at = out.find("query."); at != out.npos) out.insert(at + 6, "base_layer.");
    return out;
  });
  EXPECT_EQ(build_error(s).find("m/model.safetensors: tensor base_model.model.bert.encoder.layer.0."
                                "attention.self.query.base_layer.bias: is part of a layer with an "
                                "adapter that is not merged"),
            0u)
      << build_error(s);
}

TEST(ForeignTensors, UnknownInsideTheModelIsRefused) {
  const struct {
    Shapes shapes;
    const char* name;
  } rows[] = {
      {plain_bert(), "bert.encoder.layer.1.gate.weight"},
      {plain_bert(), "bert.encoder.layer.2.attention.self.query.scale"},
      {plain_bert(), "bert.embeddings.embed_proj.weight"},
      {plain_bert(), "bert.encoder.norm.weight"},
      {plain_bert(), "bert.pooler.norm.weight"},
      {plain_bert(), "classifier.temperature"},
      {plain_roberta(), "roberta.encoder.layer.0.gate.weight"},
      {plain_roberta(), "classifier.dense.gate"},
      {plain_bert(""), "encoder.layer.1.gate.weight"},
      {deebert(), "bert.encoder.highway.0.norm.weight"},
  };
  for (const auto& row : rows) {
    const Shapes s = with(row.shapes, {row.name});
    EXPECT_EQ(build_error(s), "m/model.safetensors: tensor " + std::string(row.name) +
                                  ": is inside the model, and the engine does not know what it is "
                                  "for, expected none such" +
                                  kFlag);
    const model::Model m = built_without(s);
    ASSERT_EQ(m.provenance.warnings.size(), 1u);
    EXPECT_TRUE(m.provenance.warnings[0].ends_with(row.name)) << m.provenance.warnings[0];
  }
  // Integers too: a mask may be of any type.
  Shapes mask = with(plain_bert(), {"bert.encoder.layer.0.attention.keep"});
  mask.dtypes["bert.encoder.layer.0.attention.keep"] = DType::boolean;
  EXPECT_NE(build_error(mask).find("attention.keep: is inside the model"), std::string::npos);
}

TEST(ForeignTensors, TheFirstByNameIsNamedAndAllAreCounted) {
  const Shapes s = with(plain_bert(), {"bert.encoder.layer.2.gate", "bert.encoder.layer.0.zoom",
                                       "bert.encoder.layer.0.gate"});
  EXPECT_EQ(build_error(s).find("m/model.safetensors: tensor bert.encoder.layer.0.gate: "), 0u);
  EXPECT_NE(build_error(s).find("(the file has 3)"), std::string::npos) << build_error(s);
  EXPECT_EQ(built_without(s).provenance.warnings,
            std::vector<std::string>{
                "m/model.safetensors: 3 tensors of the model that the engine does not know are "
                "ignored (--ignore-unused), the first: bert.encoder.layer.0.gate"});
}

TEST(ForeignTensors, LeftoversStayAllowed) {
  Shapes qa = encoder("bert.");
  qa.linear("qa_outputs", 2, kH);
  const struct {
    Shapes shapes;
    std::vector<std::string> names;
  } rows[] = {
      {plain_bert(),
       {"bert.embeddings.position_ids", "bert.embeddings.token_type_ids", "cls.predictions.bias",
        "fit_dense.weight", "layer_transformation.weight", "optimizer.step", "loss_fct.weight"}},
      {plain_bert(""), {"embeddings.position_ids", "cls.predictions.bias"}},
      {plain_roberta(), {"roberta.pooler.dense.weight", "lm_head.dense.weight"}},
      {qa, {"bert.pooler.dense.weight"}},
      {deebert(), {"bert.embeddings.position_ids"}},  // highway 2 is a leftover already
      {deebert(), {"core.encoder.layer.0.output.dense.weight", "core.encoder.layer.0.gate"}},
  };
  for (const auto& row : rows) {
    const Shapes s = with(row.shapes, row.names);
    EXPECT_EQ(build_error(s), "");
    EXPECT_TRUE(built_without(s).provenance.warnings.empty());
    EXPECT_GE(make_model(s).provenance.unused.size(), row.names.size());
  }
}

}  // namespace
}  // namespace costeff::checkpoint
