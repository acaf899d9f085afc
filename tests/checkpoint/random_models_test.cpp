// Random edits of good checkpoints: an Error(model), or a model whose sizes fit together.

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "base/format.h"
#include "sanitized.h"
#include "tensor_maker.h"

namespace costeff::checkpoint {
namespace {

using model::Model;
using Random = std::mt19937;

int64_t below(Random& r, int64_t n) { return std::uniform_int_distribution<int64_t>(0, n - 1)(r); }

std::string pick_name(Random& r, const Shapes& s) {
  auto it = s.at.begin();
  std::advance(it, below(r, static_cast<int64_t>(s.at.size())));
  return it->first;
}

void edit(Random& r, Shapes& s) {
  const std::string name = pick_name(r, s);
  switch (below(r, 7)) {
    case 0:
      s.at.erase(name);
      break;
    case 1: {
      std::vector<int64_t>& shape = s.at[name];
      if (!shape.empty()) {
        shape[static_cast<size_t>(below(r, static_cast<int64_t>(shape.size())))] = below(r, 20);
      }
      break;
    }
    case 2:
      s.at[name].push_back(below(r, 3));
      break;
    case 3:
      s.at[name].clear();
      break;
    case 4:
      s.dtypes[name] = below(r, 2) ? DType::f16 : DType::i32;
      break;
    case 5:  // all of a sublayer, a head, ...
      s.erase(name.substr(0, name.rfind('.', name.rfind('.') - 1) + 1));
      break;
    default: {  // another number in the name
      std::string other = name;
      for (char& c : other) {
        if (c >= '0' && c <= '9') c = static_cast<char>('0' + below(r, 6));
      }
      s.at[other] = s.at[name];
    }
  }
}

std::string random_keys(Random& r) {
  static const std::vector<std::string> keys = {
      R"("prun_hidden_size": 4)",   R"("last_n_hidden": 2)",
      R"("hidden_mode": "avg")",    R"("pooler_dense": true)",
      R"("num_labels": 3)",         R"("max_position_embeddings": 1)",
      R"("num_output_layers": 2)",  R"("intermediate_size": 5)",
      R"("model_type": "roberta")", R"("prun_intermediate_size": 5)",
      own_keys(own_entry(2, true))};
  std::string out;
  for (const std::string& key : keys) {
    if (below(r, 8) == 0) out += (out.empty() ? "" : ", ") + key;
  }
  return out;
}

void expect_consistent(const Model& m) {
  const int64_t h = m.arch.hidden_size;
  ASSERT_GT(h, 0);
  ASSERT_GT(m.arch.head_size, 0);
  ASSERT_GT(m.arch.max_length, 0);
  ASSERT_GE(m.parameters.tensor(m.arch.embeddings.position).shape[0],
            m.arch.max_length + m.arch.embeddings.position_offset);
  const int64_t size = m.arch.embedding_size();
  EXPECT_EQ(m.parameters.tensor(m.arch.embeddings.position).shape[1], size);
  EXPECT_EQ(m.parameters.tensor(m.arch.embeddings.norm.weight).numel(), size);
  if (const auto& map = m.arch.embeddings.map) {
    EXPECT_EQ(map->out, h);
  }
  for (const model::Layer& l : m.arch.layers) {
    if (l.attention) {
      EXPECT_EQ(l.attention->heads * m.arch.head_size, l.attention->query.out);
      EXPECT_EQ(l.attention->value.in, h);
      EXPECT_EQ(l.attention->output.in, l.attention->key.out);
      EXPECT_EQ(l.attention->output.out, h);
    }
    if (l.ffn) {
      EXPECT_EQ(l.ffn->in.in, h);
      EXPECT_EQ(l.ffn->out.in, l.ffn->in.out);
      EXPECT_EQ(m.parameters.tensor(l.ffn->norm.bias).numel(), h);
    }
  }
  ASSERT_FALSE(m.arch.heads.empty());
  int64_t before = 0;
  for (const model::Head& head : m.arch.heads) {
    EXPECT_GT(head.layer, before);
    before = head.layer;
    const int64_t joined =
        head.hidden_mode == model::HiddenMode::concat ? head.last_n_hidden * h : h;
    EXPECT_LE(head.last_n_hidden, head.layer + 1);
    EXPECT_EQ(head.classifier.in, head.pooler ? head.pooler->out : joined);
    if (head.pooler) {
      EXPECT_EQ(head.pooler->in, joined);
    }
    EXPECT_EQ(head.classifier.out, m.arch.num_labels);
  }
  EXPECT_EQ(before, static_cast<int64_t>(m.arch.layers.size()));
  EXPECT_EQ(m.provenance.labels.size(), static_cast<size_t>(m.arch.num_labels));
}

TEST(RandomModels, AnErrorOrAModelThatFits) {
  const char* given = std::getenv("COSTEFF_TEST_SEED");
  const unsigned seed = given ? static_cast<unsigned>(std::atoi(given)) : 20240611u;
  SCOPED_TRACE(fmt::format("COSTEFF_TEST_SEED={}", seed));
  Random r(seed);
  Shapes pabee = encoder("bert."), elastic = encoder("elasticbert."),
         slim = encoder("bert.", 2, 4, 5);
  pabee.linear("bert.pooler.dense", kH, kH);
  slim.linear("classifier", kC, kH);
  for (int64_t i = 0; i < kL; ++i) {
    const std::string n = fmt::format("{}", i);
    pabee.linear("classifiers." + n, kC, kH);
    elastic.linear("classifiers." + n, kC, kH);
    elastic.linear("elasticbert.encoder.pooler." + n + ".dense", kH, kH);
    slim.linear("bert.encoder.highway." + n + ".classifier", kC, kH);
  }
  slim.erase("bert.encoder.highway.2.");
  Shapes own = plain_bert();
  add_own_exit(own, 2, 5);
  const struct {
    Shapes shapes;
    std::string keys = "";
  } bases[] = {
      {plain_bert()},
      {plain_roberta()},
      {deebert()},
      {pabee},
      {elastic},
      {slim},
      {own},
      {electra(), R"("model_type": "electra")"},
      {albert(), R"("model_type": "albert")"},
      {albert(2, 2), R"("model_type": "albert", "num_hidden_groups": 2, "inner_group_num": 2)"},
      {ernie(true), R"("model_type": "ernie", "use_task_id": true)"}};
  Shapes masks;
  masks.at["hidden_z"] = {kH};
  masks.at["head_z"] = {kL, 2};
  masks.at["head_layer_z"] = {kL};
  masks.at["mlp_z"] = {kL};
  for (auto& [name, shape] : masks.at) {
    for (int64_t i = 0; i < kH; ++i) masks.values[name].push_back(i % 3 == 0 ? 0.0f : 0.5f);
  }

  const int rounds = kSanitized ? 500 : 3000;
  int built = 0, refused = 0;
  for (int i = 0; i < rounds; ++i) {
    const auto& base = bases[static_cast<size_t>(below(r, std::size(bases)))];
    Shapes s = base.shapes;
    for (int64_t edits = below(r, 3); edits > 0 && !s.at.empty(); --edits) edit(r, s);
    const TensorSet z = make_set(masks, "m/zs.pt");
    try {
      const std::string keys = random_keys(r);
      const Config c =
          make_config(base.keys + (base.keys.empty() || keys.empty() ? "" : ", ") + keys);
      expect_consistent(build_model(make_set(s), c, below(r, 4) == 0 ? &z : nullptr));
      ++built;
    } catch (const Error& e) {
      ASSERT_EQ(e.kind(), ErrorKind::model) << e.what();
      ASSERT_EQ(std::string(e.what()).rfind("m/", 0), 0u) << e.what();
      ++refused;
    }
    ASSERT_FALSE(testing::Test::HasFailure()) << "case " << i;
  }
  EXPECT_GT(built, rounds / 10);
  EXPECT_GT(refused, rounds / 10);
}

}  // namespace
}  // namespace costeff::checkpoint
