// ELECTRA, ALBERT, ERNIE and data2vec-text: what differs from BERT in their tensors and config.json. Their
// logits are held against transformers' in tests/golden.

#include <gtest/gtest.h>

#include "base/format.h"
#include "checkpoint/tensor_maker.h"

namespace costeff::checkpoint {
namespace {

TEST(Families, Electra) {
  const model::Model m = make_model(electra(), config_of("electra", R"("hidden_act": "relu")"));
  EXPECT_EQ(m.provenance.dialect, "plain-electra");
  EXPECT_EQ(m.arch.embedding_size(), kE);
  EXPECT_EQ(m.arch.hidden_size, kH);
  ASSERT_TRUE(m.arch.embeddings.map);
  EXPECT_EQ(m.arch.embeddings.map->out, kH);
  EXPECT_NE(m.arch.embeddings.map->bias, model::kNone);
  // The head's activation does not follow hidden_act.
  EXPECT_EQ(m.arch.activation, model::Activation::relu);
  EXPECT_EQ(m.arch.heads[0].activation, model::Activation::gelu_erf);
  EXPECT_TRUE(m.arch.heads[0].drops_input);
  EXPECT_FALSE(make_model(electra(kH), config_of("electra")).arch.embeddings.map);
}

TEST(Families, AlbertsLayersAreShared) {
  const struct {
    int64_t blocks, groups, inner;
    std::vector<int64_t> first;  // of each layer, the first with its weights
  } cases[] = {
      {1, 1, 1, {0}},          {4, 1, 1, {0, 0, 0, 0}},
      {3, 3, 1, {0, 1, 2}},    {4, 2, 1, {0, 0, 2, 2}},
      {3, 2, 1, {0, 0, 2}},  // int(1 / 1.5) is 0
      {2, 1, 2, {0, 1, 0, 1}}, {4, 2, 2, {0, 1, 0, 1, 4, 5, 4, 5}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(fmt::format("{} blocks, {} groups of {}", c.blocks, c.groups, c.inner));
    const model::Model m = make_model(
        albert(c.groups, c.inner),
        albert_config(c.blocks, fmt::format(R"("num_hidden_groups": {}, "inner_group_num": {})",
                                            c.groups, c.inner)));
    EXPECT_EQ(m.provenance.dialect, "plain-albert");
    EXPECT_EQ(m.arch.activation, model::Activation::gelu_tanh);  // AlbertConfig's default
    EXPECT_EQ(model::shared_layers(m.arch), c.first);
    EXPECT_EQ(model::shares_layers(m.arch), c.blocks > c.groups);
    // 5 of the embeddings, 2 of the map, 16 a layer, 4 of the exit; each once.
    EXPECT_EQ(model::parameters_in_use(m.arch).size(),
              static_cast<size_t>(11 + 16 * c.groups * c.inner));
    const auto layout = albert_layout_of(m.arch, c.inner);
    ASSERT_TRUE(layout);
    EXPECT_EQ(layout->blocks, c.blocks);
    EXPECT_EQ(layout->groups, c.groups);
    EXPECT_EQ(layout->inner, c.inner);
  }
}

// Which layers may be left out, of two groups of two.
TEST(Families, AlbertLayoutOfWhatIsLeft) {
  const model::Model m =
      make_model(albert(2, 2), albert_config(4, R"("num_hidden_groups": 2, "inner_group_num": 2)"));
  const struct {
    std::vector<size_t> kept;  // of layers A B A B C D C D
    bool can_be_said;
    int64_t blocks, groups, inner;
  } cases[] = {
      {{0, 1, 2, 3, 4, 5, 6, 7}, true, 4, 2, 2},
      {{0, 1, 4, 5}, true, 2, 2, 2},
      {{0, 1}, true, 1, 1, 2},
      {{0, 2}, true, 2, 1, 1},
      {{0, 2, 4, 6}, true, 4, 2, 1},
      {{0, 1, 2}, false, 0, 0, 0},
      {{0, 1, 2, 3, 4, 5, 6}, false, 0, 0, 0},
      {{0, 1, 3, 4}, false, 0, 0, 0},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(fmt::format("{} layers", c.kept.size()));
    model::Architecture arch = m.arch;
    arch.layers.clear();
    for (const size_t i : c.kept) arch.layers.push_back(m.arch.layers[i]);
    const auto layout = albert_layout_of(arch, 2);
    ASSERT_EQ(layout.has_value(), c.can_be_said);
    if (!layout) continue;
    EXPECT_EQ(layout->blocks, c.blocks);
    EXPECT_EQ(layout->groups, c.groups);
    EXPECT_EQ(layout->inner, c.inner);
  }
}

TEST(Families, ErniesTask) {
  const model::Model with = make_model(ernie(true), config_of("ernie", R"("use_task_id": true)"));
  EXPECT_EQ(with.provenance.dialect, "plain-ernie");
  EXPECT_NE(with.arch.embeddings.task, model::kNone);
  EXPECT_TRUE(with.provenance.notes.empty());
  const model::Model without = make_model(ernie(true), config_of("ernie"));
  EXPECT_EQ(without.arch.embeddings.task, model::kNone);
  ASSERT_EQ(without.provenance.notes.size(), 1u);
  EXPECT_EQ(
      without.provenance.notes[0],
      "m/config.json: use_task_id is not true: ernie.embeddings.task_type_embeddings.weight in "
      "m/model.safetensors is not in use");
}

TEST(Families, AreRefusedWhereConfigAndTensorsDiffer) {
  Shapes no_map = electra();
  no_map.erase("electra.embeddings_project.");
  Shapes gap = albert(2, 1);
  gap.rename([](const std::string& name) {
    std::string s = name;
    if (const size_t at = s.find("groups.1."); at != s.npos) s.replace(at, 9, "groups.2.");
    return s;
  });
  Shapes none = albert();
  none.erase("albert.encoder.albert_layer_groups.");
  Shapes ramps = electra();
  ramps.linear("electra.encoder.highway.0.pooler.dense", kH, kH);
  ramps.linear("electra.encoder.highway.0.classifier", kC, kH);
  const std::string file = "m/model.safetensors", m = file + ": ", c = "m/config.json: ";
  const struct {
    Shapes shapes;
    Config config;
    std::string error;
  } cases[] = {
      {electra(), make_config(),
       c + "model_type is missing, expected \"electra\", whose encoder " + file +
           " holds: other types have other defaults"},
      {no_map, config_of("electra"),
       m + "tensor electra.embeddings_project.weight: is missing, expected shape [8, 6]"},
      {electra(), config_of("electra", R"("embedding_size": 8)"),
       c + "embedding_size is 8, the tensors have 6 (electra.embeddings.word_embeddings.weight "
           "[11, 6])"},
      {electra(), config_of("bert"),
       c + "model_type is \"bert\", but m/model.safetensors holds an encoder of electra "
           "(electra.*), expected one of electra"},
      {ramps, config_of("electra"),
       m + "holds off-ramps of deebert on an encoder of electra, expected one of bert or roberta"},
      {albert(2, 1), albert_config(2),
       c + "num_hidden_groups is 1 (the default), expected 2, the number of groups in " + file},
      {albert(), albert_config(2, R"("inner_group_num": 3)"),
       c + "inner_group_num is 3, expected 1, the number of layers of a group in " + file},
      {albert(3, 1), albert_config(2, R"("num_hidden_groups": 3)"),
       c + "num_hidden_layers is 2, expected from 3 to 1000 (num_hidden_groups is 3, "
           "inner_group_num 1)"},
      {albert(1, 2), albert_config(1000, R"("inner_group_num": 2)"),
       c + "num_hidden_layers is 1000, expected from 1 to 500 (num_hidden_groups is 1, "
           "inner_group_num 2)"},
      {gap, albert_config(2, R"("num_hidden_groups": 2)"),
       m + "has tensors of albert.encoder.albert_layer_groups.2, but none of "
           "albert.encoder.albert_layer_groups.1"},
      {none, albert_config(2),
       m + "tensor albert.encoder.albert_layer_groups.0.albert_layers.0.*: is missing"},
      {albert(),
       parse_config(R"({"model_type": "albert", "hidden_size": 8,
                                  "num_attention_heads": 2})",
                    "m/config.json"),
       c + "num_hidden_layers is missing, expected a number: ALBERT's layers share weights, so the "
           "tensors do not tell how many there are"},
      {ernie(false), config_of("ernie", R"("use_task_id": true)"),
       m + "tensor ernie.embeddings.task_type_embeddings.weight: is missing, expected shape "
           "[tasks, 8]"},
  };
  for (const auto& row : cases) EXPECT_EQ(build_error(row.shapes, row.config), row.error);
}

// Encoders as their pretraining leaves them.
TEST(Families, Backbones) {
  Shapes discriminator = electra(), generator = electra(), language = albert(), d2v;
  for (Shapes* s : {&discriminator, &generator, &language}) s->erase("classifier.");
  discriminator.linear("discriminator_predictions.dense", kH, kH);
  discriminator.linear("discriminator_predictions.dense_prediction", 1, kH);
  generator.norm("generator_predictions.LayerNorm", kE);
  generator.linear("generator_predictions.dense", kE, kH);
  generator.linear("generator_lm_head", kV, kE);
  language.norm("predictions.LayerNorm", kE);
  language.at["predictions.bias"] = {kV};
  language.linear("predictions.dense", kE, kH);
  language.linear("predictions.decoder", kV, kE);
  language.linear("sop_classifier.classifier", 2, kH);
  d2v = encoder("data2vec_text.", 1);
  d2v.linear("lm_head.dense", kH, kH);
  const auto bare = [](Shapes s) {
    s.rename([](const std::string& name) { return name.substr(name.find('.') + 1); });
    return s;
  };
  Shapes electra_bare = electra(), albert_bare = language;
  electra_bare.erase("classifier.");
  for (const char* head : {"predictions.", "sop_classifier."}) albert_bare.erase(head);
  Shapes ernie_alone = ernie(true);
  ernie_alone.erase("classifier.");
  const struct {
    Shapes shapes;
    Config config;
    const char* dialect;
    bool pooler;
  } cases[] = {
      {discriminator, config_of("electra"), "plain-electra", false},
      {generator, config_of("electra"), "plain-electra", false},
      {bare(electra_bare), config_of("electra"), "plain-electra", false},
      {language, albert_config(3), "plain-albert", true},
      {bare(albert_bare), albert_config(3), "plain-albert", true},
      {ernie_alone, config_of("ernie", R"("use_task_id": true)"), "plain-ernie", true},
      {d2v, config_of("data2vec-text"), "plain-roberta", false},
  };
  for (const auto& c : cases) {
    const BuiltBackbone b = build_backbone(make_set(c.shapes), c.config, nullptr);
    EXPECT_EQ(b.model.provenance.dialect, c.dialect);
    EXPECT_EQ(b.pooler.has_value(), c.pooler);
    EXPECT_TRUE(b.model.arch.heads.empty());
    EXPECT_EQ(b.model.provenance.notes, std::vector<std::string>{});
  }
}

TEST(Families, EveryTensorIsChecked) {
  expect_all_checked(electra(), config_of("electra"));
  expect_all_checked(albert(2, 2),
                     albert_config(4, R"("num_hidden_groups": 2, "inner_group_num": 2)"));
  expect_all_checked(ernie(true), config_of("ernie", R"("use_task_id": true)"));
}

// A file is written with the prefix and class that transformers looks for.
TEST(Families, NamesThatAreWritten) {
  Shapes d2v = encoder("data2vec_text.", 1);
  d2v.linear("classifier.dense", kH, kH);
  d2v.linear("classifier.out_proj", kC, kH);
  const struct {
    Shapes shapes;
    Config config;
    const char *type, *architecture, *tensor;
  } cases[] = {
      {electra(), config_of("electra"), "electra", "ElectraForSequenceClassification",
       "electra.embeddings_project.bias"},
      {albert(), albert_config(3), "albert", "AlbertForSequenceClassification",
       "albert.encoder.albert_layer_groups.0.albert_layers.0.full_layer_layer_norm.weight"},
      {ernie(true), config_of("ernie", R"("use_task_id": true)"), "ernie",
       "ErnieForSequenceClassification", "ernie.embeddings.task_type_embeddings.weight"},
      {d2v, config_of("data2vec-text"), "data2vec-text", "Data2VecTextForSequenceClassification",
       "data2vec_text.encoder.layer.2.output.dense.weight"},
  };
  for (const auto& c : cases) {
    model::Model m = make_model(c.shapes, c.config);
    const SavedModel saved = name_model(&m, c.config);
    EXPECT_EQ(saved.json["model_type"], c.type);
    EXPECT_EQ(saved.json["architectures"][0], c.architecture);
    const auto names = saved_names(m);
    EXPECT_TRUE(names.contains(c.tensor)) << c.tensor;
    EXPECT_EQ(names.size(), c.shapes.at.size());
  }
}

}  // namespace
}  // namespace costeff::checkpoint
