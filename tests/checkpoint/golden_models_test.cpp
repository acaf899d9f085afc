// Every golden checkpoint is read in its dialect, with the exits and sizes in its meta file.

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include "base/format.h"
#include "base/json/json.h"
#include "checkpoint/checkpoint.h"
#include "shared_data.h"
#include "tensor_maker.h"

namespace costeff::checkpoint {
namespace {

using model::Model;

std::vector<std::string> golden_directories() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(shared_path("golden"))) {
    if (std::filesystem::exists(entry.path() / "golden_meta.json")) {
      names.push_back(entry.path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

// The only tensors that may be in a file without being used.
bool may_be_unused(const std::string& name, const Model& m) {
  static const std::regex free(
      R"((module\.)*(core\..*|cls\..*|fit_dense\..*|layer_transformation\..*|step|flag|empty|bytes|const|f64|.*\.position_ids|.*\.token_type_ids))");
  if (std::regex_match(name, free)) return true;
  const std::string last = fmt::format(".encoder.highway.{}.", m.arch.layers.size() - 1);
  if (name.find(last) != std::string::npos) return true;
  if (name.rfind("roberta.pooler.", 0) == 0) return m.provenance.dialect.find("deebert") != 0;
  if (name.rfind("bert.pooler.", 0) == 0) return m.arch.question_answering;
  std::smatch at;
  static const std::regex layer(R"(.*\.encoder\.layer\.(\d+)\.(attention\.)?(.*))");
  if (!std::regex_match(name, at, layer)) return false;
  const model::Layer& l = m.arch.layers.at(std::stoul(at[1]));
  return at[2].matched ? !l.attention : !l.ffn;
}

void expect_kept(const Model& m, const Json& kept) {
  EXPECT_EQ(m.arch.hidden_size, kept["hidden"].get<int64_t>());
  EXPECT_EQ(m.arch.head_size, kept["head_size"].get<int64_t>());
  ASSERT_EQ(m.arch.layers.size(), kept["heads"].size());
  for (size_t i = 0; i < m.arch.layers.size(); ++i) {
    const model::Layer& l = m.arch.layers[i];
    EXPECT_EQ(l.attention ? l.attention->heads : 0, kept["heads"][i].get<int64_t>()) << i;
    EXPECT_EQ(l.ffn ? l.ffn->in.out : 0, kept["ffn"][i].get<int64_t>()) << i;
  }
}

TEST(GoldenModels, DialectExitsAndSizes) {
  COSTEFF_NEED_SHARED("golden");
  for (const std::string& name : golden_directories()) {
    SCOPED_TRACE(name);
    const std::string dir = shared_path("golden/" + name);
    const Json meta = read_json_object(dir + "/golden_meta.json", ErrorKind::model);
    Model m;
    try {
      m = load_model(dir);
    } catch (const Error& e) {
      // Protocol 4: training scripts do not write it, and reading it is optional.
      if (name == "container_bin_zip_f16_proto4") continue;
      ADD_FAILURE() << e.what();
      continue;
    }
    EXPECT_EQ(m.provenance.dialect, meta["dialect"].get<std::string>());
    EXPECT_EQ(exit_layers(m), meta["exits"].get<std::vector<int64_t>>());
    EXPECT_EQ(m.arch.heads.back().layer, static_cast<int64_t>(m.arch.layers.size()));
    if (meta.contains("num_labels")) {
      EXPECT_EQ(m.arch.num_labels, meta["num_labels"].get<int64_t>());
      EXPECT_EQ(is_regression(m.arch), m.arch.num_labels == 1);
    }
    EXPECT_EQ(m.provenance.labels.size(), static_cast<size_t>(m.arch.num_labels));
    EXPECT_EQ(m.arch.max_length, 128);
    EXPECT_EQ(m.arch.question_answering, meta["dialect"] == "cofi-compact-qa");
    if (meta.contains("kept")) expect_kept(m, meta["kept"]);
    for (const Tensor& t : m.provenance.unused) EXPECT_TRUE(may_be_unused(t.name, m)) << t.name;
    EXPECT_EQ(m.provenance.notes, std::vector<std::string>{});
  }
}

TEST(GoldenModels, SomeFields) {
  COSTEFF_NEED_SHARED("golden");
  const auto load = [](const std::string& name) {
    return load_model(shared_path("golden/" + name));
  };
  const Model bert = load("plain_bert");
  EXPECT_EQ(bert.provenance.labels,
            (std::vector<std::string>{"contradiction", "entailment", "neutral"}));
  EXPECT_FLOAT_EQ(bert.arch.layer_norm_eps, 1e-12f);
  EXPECT_EQ(load("plain_bert_relu_cased").arch.activation, model::Activation::relu);
  const Model roberta = load("plain_roberta");
  EXPECT_EQ(roberta.arch.embeddings.position_offset, 2);
  EXPECT_FLOAT_EQ(roberta.arch.layer_norm_eps, 1e-5f);
  const Model concat = load("costeff_full_concat3");
  EXPECT_EQ(concat.arch.head_size, 8);
  EXPECT_EQ(concat.arch.heads[0].last_n_hidden, 2);
  EXPECT_EQ(concat.arch.heads[4].classifier.in, 144);
  EXPECT_EQ(load("costeff_avg_hidavg2").arch.heads[0].hidden_mode, model::HiddenMode::average);
  EXPECT_EQ(load("costeff_avg").arch.heads[1].pooling, model::Pooling::mean);
  EXPECT_TRUE(load("costeff_emb_dense").arch.heads[0].pooler.has_value());
}

TEST(LargerGoldenModels, Trained) {
  COSTEFF_NEED_SHARED("models/sst2-deebert");
  const Model deebert = load_model(shared_path("models/sst2-deebert"));
  EXPECT_EQ(deebert.provenance.dialect, "deebert-bert");
  EXPECT_EQ(exit_layers(deebert), (std::vector<int64_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(deebert.provenance.labels, (std::vector<std::string>{"negative", "positive"}));
  EXPECT_EQ(deebert.arch.max_length, 512);
  EXPECT_TRUE(deebert.provenance.unused.empty() && deebert.provenance.notes.empty());
}

TEST(GoldenModels, Bundled) {
  const Model slender = load_model(COSTEFF_SOURCE_DIR "/models/sst2-slender");
  EXPECT_EQ(slender.provenance.dialect, "cost-eff");
  EXPECT_EQ(slender.arch.head_size, 32);
  EXPECT_EQ(slender.arch.layers[5].attention->heads, 4);
  EXPECT_EQ(slender.arch.layers[5].ffn->in.out, 512);
  EXPECT_EQ(slender.arch.embeddings.word_up->in, 128);
  EXPECT_TRUE(slender.provenance.unused.empty() && slender.provenance.notes.empty());
}

}  // namespace
}  // namespace costeff::checkpoint
