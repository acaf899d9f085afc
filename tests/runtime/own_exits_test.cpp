// Models with costeff's own off-ramps: each exit reads in its own way, whatever the others do, and a
// model that was changed in memory answers the same from its directory.

#include <costeff/convert.h>
#include <costeff/diff.h>
#include <costeff/engine.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error_of.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/dialects/dialect_choice.h"
#include "checkpoint/dialects/save_model.h"
#include "model/embed.h"
#include "model/head.h"
#include "runtime/loaded_model.h"
#include "tiny_checkpoint.h"

namespace costeff {
namespace {

namespace fs = std::filesystem;
using Layers = std::vector<int64_t>;
using Json = nlohmann::json;
using ExitLogits = std::vector<std::vector<float>>;  // [exits][C]
using model::Pooling;

const std::vector<std::vector<int32_t>> kRows = {
    {2, 30, 41, 3}, {2, 3}, {2, 17, 17, 5, 99, 104, 61, 8, 3}, {2, 77, 3}};

// One row by itself, every exit from the hidden states that it names.
ExitLogits by_hand(const runtime::LoadedModel& m, const std::vector<int32_t>& ids) {
  const model::Architecture& arch = m.spec.arch;
  const int64_t h = arch.hidden_size, last = static_cast<int64_t>(arch.layers.size());
  const int32_t start[] = {0, static_cast<int32_t>(ids.size())}, real[] = {start[1]};
  const model::PackedView view{1, start, real};
  const std::vector<int32_t> types(ids.size());
  model::LayerScratch scratch;
  model::HeadScratch head_scratch;
  std::vector<std::vector<float>> states(arch.layers.size() + 1);  // [L + 1][T, H]
  states[0].resize(ids.size() * static_cast<size_t>(h));
  model::embed(m.kernels, m.spec, m.weights.embeddings(), view, ids.data(), types.data(),
               states[0].data(), &scratch);
  const model::LayerShape shape = model::layer_shape(arch);
  for (int64_t i = 1; i <= last; ++i) {
    const auto at = static_cast<size_t>(i);
    states[at] = states[at - 1];
    if (i == last && model::reads_first_only(arch)) {
      model::run_layer_first(m.kernels, shape, m.weights.layer(i - 1), view, states[at - 1].data(),
                             states[at].data(), &scratch);
    } else {
      model::run_layer(m.kernels, shape, m.weights.layer(i - 1), view, states[at].data(), &scratch);
    }
  }
  ExitLogits out;
  for (const model::Head& head : arch.heads) {
    std::vector<std::vector<float>> pooled;
    std::vector<const float*> history;
    for (int64_t i = head.layer - head.last_n_hidden + 1; i <= head.layer; ++i) {
      pooled.emplace_back(static_cast<size_t>(h));
      model::pool(head.pooling, view, h, states[static_cast<size_t>(i)].data(),
                  pooled.back().data());
    }
    for (const auto& p : pooled) history.push_back(p.data());
    out.emplace_back(static_cast<size_t>(arch.num_labels));
    model::run_head(m.kernels, head, m.weights.head(static_cast<int64_t>(out.size()) - 1), h, 1,
                    history.data(), head.last_n_hidden, out.back().data(), nullptr, &head_scratch);
  }
  return out;
}

std::vector<Example> examples() {
  std::vector<Example> rows;
  for (const std::vector<int32_t>& ids : kRows) {
    rows.emplace_back();
    rows.back().input_ids = ids;
    rows.back().has_ids = true;
  }
  return rows;
}

std::vector<ExitLogits> engine_logits(const Engine& engine) {
  RunOptions o;
  o.policy = ExitPolicy{};
  o.all_exits = true;
  std::vector<ExitLogits> out;
  for (const Result& r : engine.score(examples(), o)) {
    out.emplace_back();
    for (const ExitOutput& e : r.exits) out.back().push_back(e.logits);
  }
  return out;
}

void expect_answers_by_hand(const std::string& dir, const runtime::LoadedModel& m) {
  const Engine engine(dir);
  const std::vector<ExitLogits> got = engine_logits(engine);
  for (size_t i = 0; i < kRows.size(); ++i) EXPECT_EQ(got[i], by_hand(m, kRows[i])) << "row " << i;
  // To leave at one layer runs none after it, and there the first token may be enough.
  for (size_t e = 0; e < m.spec.arch.heads.size(); ++e) {
    RunOptions o;
    o.policy = ExitPolicy{};
    o.policy->kind = PolicyKind::fixed;
    o.policy->layer = m.spec.arch.heads[e].layer;
    const std::vector<Result> fixed = engine.score(examples(), o);
    for (size_t i = 0; i < kRows.size(); ++i) EXPECT_EQ(fixed[i].logits, got[i][e]) << "exit " << e;
  }
}

std::vector<TinyShape> own_shapes() {
  std::vector<TinyShape> shapes{
      {.dialect = "own", .heads = {6}, .ffn = {96}},
      {.dialect = "own"},  // on CoFi's compact form
      {.dialect = "own", .layers = 5, .heads = {2}, .ffn = {16}, .rank = 5},
      {.dialect = "own",
       .layers = 5,
       .heads = {2},
       .ffn = {16},
       .rank = 5,
       .pooling_mode = "avg",
       .last_n_hidden = 3},
      {.dialect = "own", .heads = {2}, .ffn = {16}, .rank = 5, .last_n_hidden = 2},
      {.dialect = "own", .heads = {6}, .ffn = {96}, .own_last = true},
      {.dialect = "own", .layers = 5, .own_last = true}};
  for (const TinyShape& empty : tiny_empty_shapes()) shapes.push_back(empty);
  return shapes;
}

runtime::LoadedModel loaded(model::Model m, ComputeType type = ComputeType::float32) {
  return {std::move(m), runtime::choose_table(""), runtime::precision_of(type)};
}

TEST(OwnExits, EachReadsInItsOwnWay) {
  for (const TinyShape& shape : own_shapes()) {
    SCOPED_TRACE(tiny_config(shape));
    const TempDir dir;
    write_tiny_checkpoint(dir.path(), shape);
    expect_answers_by_hand(dir.path(), loaded(checkpoint::load_model(dir.path())));
  }
}

// The dialect set and heads changed, as training does; then written and read again.
TEST(OwnExits, AModelInMemoryAnswersTheSameFromItsDirectory) {
  const TinyShape shapes[] = {
      {.dialect = "deebert", .heads = {6}, .ffn = {96}},
      {.dialect = "costeff", .heads = {2}, .ffn = {16}, .rank = 5, .pooler_dense = true}};
  for (const TinyShape& shape : shapes) {
    for (const bool mean_last : {false, true}) {
      SCOPED_TRACE(tiny_config(shape));
      const TempDir dir;
      for (const char* name : {"from", "to"}) fs::create_directory(dir.file(name));
      write_tiny_checkpoint(dir.file("from"), shape);
      checkpoint::Backbone b = checkpoint::load_backbone(dir.file("from"));
      std::vector<model::Head>& heads = b.model.arch.heads;
      heads[0].pooling = Pooling::mean;
      heads[1].activation = model::Activation::silu;
      heads[2].pooler.reset();
      if (mean_last) heads.back().pooling = Pooling::mean;
      ASSERT_EQ(checkpoint::why_not("costeff", b.model, &b.config), "");
      checkpoint::set_dialect(&b.model, "costeff");
      checkpoint::SavedModel saved = checkpoint::name_model(&b.model, b.config);
      checkpoint::record_source(&saved, b.model, {"from", "deebert-bert", "F32"}, std::nullopt);
      ASSERT_TRUE(checkpoint::write_model(saved, b.model, std::nullopt, dir.file("to"), nullptr));
      fs::copy(dir.file("from/vocab.txt"), dir.file("to/vocab.txt"));
      const Json written = Json::parse(read_whole_file(dir.file("to/config.json")));
      EXPECT_EQ(written["costeff_exits"].size(), mean_last ? 4u : 3u);
      EXPECT_EQ(Engine(dir.file("to")).info().dialect, saved.dialect);
      expect_answers_by_hand(dir.file("to"), loaded(std::move(b.model)));
    }
  }
}

struct Converted {
  TempDir dir;
  Json config;
  explicit Converted(const TinyShape& shape, const ConvertOptions& options) {
    fs::create_directory(dir.file("src"));
    write_tiny_checkpoint(dir.file("src"), shape);
    EXPECT_TRUE(convert_checkpoint(dir.file("src"), dir.file("dst"), options));
    config = Json::parse(read_whole_file(dir.file("dst/config.json")));
  }
  Layers listed() const {
    Layers layers;
    if (config.contains("costeff_exits")) {
      for (const Json& e : config["costeff_exits"]) layers.push_back(e["layer"]);
    }
    return layers;
  }
};

TEST(OwnExits, TheListFollowsWhatConvertLeavesOut) {
  const TinyShape plain = own_shapes()[0], history = own_shapes()[3], ours = own_shapes()[6];
  const struct {
    TinyShape shape;
    std::optional<Layers> exits;
    Layers drop, all, listed;
    const char* dialect;
  } rows[] = {
      {plain, std::nullopt, {}, {1, 2, 3, 4}, {1, 2, 3}, "costeff-plain-bert"},
      {plain, Layers{2}, {}, {2, 4}, {2}, "costeff-plain-bert"},
      {plain, Layers{}, {}, {4}, {}, "plain-bert"},
      {plain, std::nullopt, {2}, {1, 2, 3}, {1, 2}, "costeff-plain-bert"},
      {plain, std::nullopt, {4}, {1, 2, 3}, {1, 2}, "costeff-plain-bert"},
      {plain, Layers{3}, {1, 2}, {1, 2}, {1}, "costeff-plain-bert"},
      {history, std::nullopt, {1}, {1, 2, 3, 4}, {1, 2, 3}, "costeff-cost-eff"},
      {history, Layers{4}, {5}, {4}, {}, "cost-eff"},
      {ours, std::nullopt, {}, {1, 2, 3, 4, 5}, {1, 2, 3, 4, 5}, "costeff-cofi-compact"},
      {ours, Layers{2}, {5}, {2, 4}, {2, 4}, "costeff-cofi-compact"},
      {ours, Layers{}, {1, 2}, {3}, {3}, "costeff-cofi-compact"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(tiny_config(row.shape));
    ConvertOptions o;
    o.exits = row.exits;
    o.drop_layers = row.drop;
    const Converted c(row.shape, o);
    EXPECT_EQ(c.listed(), row.listed);
    const Engine engine(c.dir.file("dst"));
    EXPECT_EQ(engine.info().dialect, row.dialect);
    Layers have;
    for (const ExitInfo& e : engine.info().exits) have.push_back(e.layer);
    EXPECT_EQ(have, row.all);
    expect_answers_by_hand(c.dir.file("dst"), loaded(checkpoint::load_model(c.dir.file("dst"))));
    if (!row.drop.empty()) continue;
    // The exits that stay answer as before.
    const auto before = engine_logits(Engine(c.dir.file("src"))), after = engine_logits(engine);
    for (size_t i = 0; i < before.size(); ++i) {
      for (size_t e = 0; e < row.all.size(); ++e)
        EXPECT_EQ(after[i][e], before[i][static_cast<size_t>(row.all[e]) - 1]);
    }
  }
}

TEST(OwnExits, Quantised) {
  for (const TinyShape& shape : own_shapes()) {
    for (const ComputeType type : {ComputeType::bfloat16, ComputeType::int8}) {
      SCOPED_TRACE(tiny_config(shape));
      ConvertOptions o;
      o.quantise = type;
      const Converted c(shape, o);
      EXPECT_EQ(c.config["costeff_exits"], Json::parse(tiny_config(shape))["costeff_exits"]);
      expect_answers_by_hand(c.dir.file("dst"),
                             loaded(checkpoint::load_model(c.dir.file("dst")), type));
      ASSERT_TRUE(convert_checkpoint(c.dir.file("dst"), c.dir.file("again"), {}));
      EXPECT_EQ(read_whole_file(c.dir.file("again/model.safetensors")),
                read_whole_file(c.dir.file("dst/model.safetensors")));
    }
  }
}

TEST(OwnExits, DiffTellsHowTheyRead) {
  const TempDir dir;
  const TinyShape shape{.dialect = "own", .layers = 3, .heads = {6}, .ffn = {96}};
  for (const char* name : {"a", "b"}) {
    fs::create_directory(dir.file(name));
    write_tiny_checkpoint(dir.file(name), shape);
  }
  const auto no_rows = [](Example&, bool) { return ReadStatus::end; };
  EXPECT_TRUE(diff_checkpoints(dir.file("a"), dir.file("b"), no_rows, {}).same(0));
  Json config = Json::parse(tiny_config(shape));
  config["costeff_exits"][0]["pooling"] = "first";
  write_file(dir.file("b/config.json"), config.dump());
  const ModelDifference d = diff_checkpoints(dir.file("a"), dir.file("b"), no_rows, {});
  EXPECT_FALSE(d.same(0));
  ASSERT_EQ(d.settings.size(), 1u);
  EXPECT_EQ(d.settings[0].name, "exits read");
  EXPECT_EQ(d.settings[0].a,
            "layer 1: mean over tokens, tanh; layer 2: first token, relu; layer 3: first token, "
            "tanh");
  EXPECT_EQ(d.settings[0].b,
            "layer 1: first token, tanh; layer 2: first token, relu; layer 3: first token, tanh");
}

// What sentence-transformers saves: names without a prefix, and files that are none of ours.
TEST(OwnExits, ABackboneOfSentenceTransformers) {
  const TempDir dir;
  const TinyShape shape{.dialect = "plain", .heads = {6}, .ffn = {96}};
  write_tiny_checkpoint(dir.path(), shape);
  TinyTensors bare;
  for (const auto& [name, t] : tiny_tensors(shape)) {
    if (name.starts_with("bert.")) bare[name.substr(5)] = t;
  }
  write_safetensors(dir.file("model.safetensors"), bare);
  write_file(dir.file("modules.json"), "[]");
  write_file(dir.file("config_sentence_transformers.json"), "{}");
  for (const char* module : {"1_Pooling", "2_Dense"}) fs::create_directory(dir.file(module));
  write_file(dir.file("1_Pooling/config.json"), "{\"pooling_mode_mean_tokens\": true}");
  write_safetensors(dir.file("2_Dense/model.safetensors"), {{"linear.weight", {{1}, {1.0f}}}});
  const checkpoint::Backbone b = checkpoint::load_backbone(dir.path());
  EXPECT_EQ(b.model.provenance.dialect, "plain-bert");
  EXPECT_TRUE(b.model.arch.heads.empty());
  EXPECT_EQ(b.config.hidden_size, 24);
  ASSERT_TRUE(b.pooler.has_value());
  EXPECT_EQ(b.pooler->out, 24);
  EXPECT_TRUE(b.model.provenance.notes.empty());
  EXPECT_EQ(error_of(ErrorKind::model, [&] { Engine engine(dir.path()); }),
            dir.file("model.safetensors") +
                ": holds an encoder without a classifier, expected tensors such as "
                "classifier.weight; `costeff train " +
                dir.path() + " --data FILE` makes a classifier of it");
}

}  // namespace
}  // namespace costeff
