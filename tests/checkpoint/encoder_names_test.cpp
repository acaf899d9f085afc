#include "checkpoint/containers/encoder_names.h"

#include <gtest/gtest.h>

#include "tensor_maker.h"

namespace costeff::checkpoint {
namespace {

TEST(EncoderNames, CanonicalNames) {
  const struct {
    const char *name, *canonical;
  } rows[] = {
      {"bert.pooler.dense.weight", "bert.pooler.dense.weight"},
      {"module.module.bert.x", "bert.x"},
      {"_orig_mod.bert.x", "bert.x"},
      {"bert._orig_mod.encoder.x", "bert.encoder.x"},
      {"bert.module.encoder.x", "bert.encoder.x"},
      {"_fsdp_wrapped_module.bert.encoder.layer.0._checkpoint_wrapped_module.x",
       "bert.encoder.layer.0.x"},
      {"_forward_module.model._orig_mod.x", "model.x"},
      {"a.LayerNorm.gamma", "a.LayerNorm.weight"},
      {"a.LayerNorm.beta", "a.LayerNorm.bias"},
      {"a.gamma.x", "a.gamma.x"},
      {"gamma", "gamma"},
      {"module", "module"},
      {"my_module.x", "my_module.x"},
      {"", ""},
      {"..", ".."},
  };
  for (const auto& row : rows) EXPECT_EQ(canonical_name(row.name), row.canonical) << row.name;
}

TEST(EncoderNames, WhereTheEncoderIs) {
  const struct {
    const char* name;
    std::optional<EncoderName> expected;
  } rows[] = {
      {"bert.encoder.layer.0.output.dense.weight", EncoderName{"", "bert."}},
      {"roberta.embeddings.LayerNorm.weight", EncoderName{"", "roberta."}},
      {"elasticbert.embeddings.word_embeddings.weight", EncoderName{"", "elasticbert."}},
      {"distilbert.transformer.layer.3.ffn.lin1.bias", EncoderName{"", "distilbert."}},
      {"electra.encoder.layer.0.x", EncoderName{"", "electra."}},
      {"albert.embeddings.word_embeddings.weight", EncoderName{"", "albert."}},
      {"net.albert.encoder.albert_layer_groups.0.albert_layers.0.ffn.weight",
       EncoderName{"net.", "albert."}},
      {"encoder.albert_layer_groups.0.albert_layers.0.ffn.weight", EncoderName{"", ""}},
      {"ernie.embeddings.task_type_embeddings.weight", EncoderName{"", "ernie."}},
      {"data2vec_text.encoder.layer.0.x", EncoderName{"", "data2vec_text."}},
      {"net.bert.embeddings.word_embeddings1.weight", EncoderName{"net.", "bert."}},
      {"a.b.roberta.encoder.layer.1.x", EncoderName{"a.b.", "roberta."}},
      {"encoder.layer.0.x", EncoderName{"", ""}},
      {"model.encoder.layer.0.x", EncoderName{"model.", ""}},
      {"base_model.model.embeddings.position_embeddings.weight",
       EncoderName{"base_model.model.", ""}},
      // Other architectures have the same tensors after their own prefix.
      {"mobilebert.encoder.layer.0.x", std::nullopt},
      {"mpnet.embeddings.word_embeddings.weight", std::nullopt},
      {"core.encoder.layer.0.x", std::nullopt},
      {"bert.pooler.dense.weight", std::nullopt},
      {"bert.encoder.highway.0.classifier.weight", std::nullopt},
      {"my_encoder.layer.0.x", std::nullopt},
      {"cls.predictions.bias", std::nullopt},
      {"", std::nullopt},
  };
  for (const auto& row : rows) EXPECT_EQ(encoder_name(row.name), row.expected) << row.name;
}

// The same model whatever its names are wrapped in.
TEST(EncoderNames, ContainersAreTakenOff) {
  for (const std::string container :
       {"module.", "_orig_mod.", "model.", "model._orig_mod.", "model.module.", "net.",
        "lightning.my_classifier.", "_forward_module.model."}) {
    for (Shapes s : {plain_bert(), plain_roberta(), deebert()}) {
      const model::Model plain = make_model(s);
      s.rename([&](const std::string& name) { return container + name; });
      s.at["val_accuracy.total"] = {1};  // of the script, outside the model
      const model::Model m = make_model(s);
      EXPECT_EQ(m.provenance.dialect, plain.provenance.dialect) << container;
      EXPECT_EQ(exit_layers(m), exit_layers(plain)) << container;
      EXPECT_EQ(
          m.parameters.tensor(m.arch.heads.back().classifier.weight).name,
          container + plain.parameters.tensor(plain.arch.heads.back().classifier.weight).name);
      Shapes less = s;
      less.at.erase(container + plain.parameters.tensor(plain.arch.layers[1].ffn->in.bias).name);
      EXPECT_NE(build_error(less).find("is missing"), std::string::npos);
    }
  }
  // An encoder saved by itself, under common names.
  Shapes bare = plain_bert("");
  bare.rename([](const std::string& name) { return "model." + name; });
  EXPECT_EQ(make_model(bare).provenance.dialect, "plain-bert");
}

TEST(EncoderNames, TwoReadingsAreShown) {
  const auto also = [](const std::string& container) {
    Shapes s = plain_bert(), second = plain_bert();
    second.rename([&](const std::string& name) { return container + name; });
    s.at.insert(second.at.begin(), second.at.end());
    return build_error(s);
  };
  EXPECT_EQ(also("teacher."),
            "m/model.safetensors: holds two encoders, bert.* and teacher.bert.*, expected one");
  EXPECT_EQ(also("model."),
            "m/model.safetensors: holds two encoders, bert.* and model.bert.*, expected one");
  EXPECT_NE(also("_orig_mod.").find("is the same as tensor _orig_mod."), std::string::npos);
  Shapes s = plain_bert();
  s.at["embeddings.word_embeddings.weight"] = {kV, kH};
  EXPECT_EQ(build_error(s),
            "m/model.safetensors: holds two encoders, embeddings.*, encoder.* and "
            "bert.*, expected one");
  // Two heads, one inside the container and one outside.
  s = plain_bert();
  s.rename([](const std::string& name) { return "net." + name; });
  s.linear("classifier", kC, kH);
  EXPECT_NE(
      build_error(s).find("tensor net.classifier.bias: is the same as tensor classifier.bias"),
      std::string::npos)
      << build_error(s);
}

}  // namespace
}  // namespace costeff::checkpoint
