// A step's gradients are the same bits for any number of threads and any division into
// micro-batches, with dropout too.

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/threads/team.h"
#include "shared_data.h"
#include "train/objective.h"
#include "training_rows.h"

namespace costeff {
namespace {

using nlohmann::json;

// All gradients after the rows of a directory in micro-batches of `rows` rows.
std::vector<float> gradients(const std::string& dir, const Precise& p, int64_t threads,
                             size_t rows) {
  Student s(dir, p);
  const bool is_step = std::filesystem::exists(dir + "/batch.json");
  const auto lines = is_step ? std::vector<json>() : read_json_lines(dir + "/golden.jsonl");
  const size_t all = is_step ? read_json_file(dir + "/batch.json").at("rows").size() : lines.size();
  const grad::Dropout dropout{0.1f, 0.1f, grad::dropout_key(7, 3)};
  const train::Objective objective =
      objective_of(train::Aim::joint, s.network->heads(), s.network->layers(), false, 0);
  Team team(threads);
  team.run([&](const Crew& crew) { s.weights->clear_gradients(crew); });
  train::StepLosses losses;
  losses.begin(objective, step_size(static_cast<int64_t>(all)));
  for (size_t first = 0; first < all; first += rows) {
    const Rows part = is_step ? read_rows(dir, is_regression(s.model.arch), first, rows)
                              : golden_rows(lines, s.model, first, rows);
    s.network->reserve(part.batch, threads);
    team.run([&](const Crew& crew) {
      s.network->forward(part.batch, dropout, crew);
      if (crew.leads()) losses.exits(*s.network, part.gold(), {}, part.batch.rows());
      crew.meet();
      s.network->backward(part.batch, dropout, crew, {losses.gradients(), {}, false});
    });
  }
  std::vector<float> g;
  for (int64_t i = 0; i < s.weights->count(); ++i) {
    const auto& one = (*s.weights)[static_cast<model::ParameterId>(i)];
    if (one.reached) g.insert(g.end(), one.gradient.data(), one.gradient.data() + one.value.size());
  }
  g.push_back(static_cast<float>(losses.loss()));
  return g;
}

TEST(SameBits, ThreadsAndMicroBatches) {
  // The last ones share layers, map the embeddings, add a row of their own to them.
  for (const std::string& name :
       {std::string("golden_train/deebert"), std::string("golden_train/costeff_student"),
        std::string("golden_train/pabee_regression"), std::string("golden/albert_pabee"),
        std::string("golden/ernie")}) {
    const std::string dir = shared_path(name);
    for (const auto* const* t = kernels::all_tables(); *t; ++t) {
      // Kernels differ between tables, what a model has of them does not.
      if (t != kernels::all_tables() && name != "golden_train/deebert") continue;
      // The reference table's sums are double within a call and rounded between calls.
      const bool reference = std::string((*t)->name) == "reference";
      for (const auto precision : {kernels::Precision::float32, kernels::Precision::bfloat16}) {
        SCOPED_TRACE(name + " " + (*t)->name +
                     (precision == kernels::Precision::float32 ? " float32" : " bfloat16"));
        const Precise p{*t, precision};
        const std::vector<float> wanted = gradients(dir, p, 1, 1000);
        ASSERT_FALSE(wanted.empty());
        for (const int64_t threads : {1, 3}) {
          for (const size_t rows : {size_t{1000}, size_t{2}}) {
            if (reference && rows < 1000) continue;
            const std::vector<float> got = gradients(dir, p, threads, rows);
            ASSERT_EQ(got.size(), wanted.size());
            EXPECT_EQ(std::memcmp(got.data(), wanted.data(), got.size() * sizeof(float)), 0)
                << threads << " threads, " << rows << " rows";
          }
        }
      }
    }
  }
}

// What layers share gets the sum of what copies of it would get, one for each layer.
TEST(SameBits, SharedLayersAreSumsOverCopies) {
  for (const char* name : {"albert", "albert_groups", "albert_pabee_groups"}) {
    SCOPED_TRACE(name);
    const std::string dir = shared_path(std::string("golden/") + name);
    const std::vector<json> lines = read_json_lines(dir + "/golden.jsonl");
    model::Model shared = checkpoint::load_model(dir), copied = checkpoint::load_model(dir);
    std::vector<std::vector<model::ParameterId>> copies(shared.parameters.list.size());
    const std::vector<int64_t> first = model::shared_layers(shared.arch);
    for (size_t i = 0; i < first.size(); ++i) {
      const bool is_first = first[i] == static_cast<int64_t>(i);
      const auto copy = [&](model::ParameterId* id) {
        if (*id == model::kNone) return;
        const model::ParameterId was = *id;
        if (!is_first) {
          const model::Parameter p = copied.parameters[was];
          *id = copied.parameters.add(p.role, p.part, p.tensor);
        }
        copies[static_cast<size_t>(was)].push_back(*id);
      };
      model::Layer& layer = copied.arch.layers[i];
      for (model::Linear* l :
           {&layer.attention->query, &layer.attention->key, &layer.attention->value,
            &layer.attention->output, &layer.ffn->in, &layer.ffn->out}) {
        copy(&l->weight);
        copy(&l->bias);
      }
      for (model::LayerNorm* n : {&layer.attention->norm, &layer.ffn->norm}) {
        copy(&n->weight);
        copy(&n->bias);
      }
    }
    model::number_parameters(&copied);
    EXPECT_FALSE(model::shares_layers(copied.arch));
    const auto gradients_of = [&](model::Model* m) {
      auto weights = std::make_unique<grad::TrainedWeights>(m, *kernels::all_tables()[0],
                                                            kernels::Precision::float32);
      grad::Network network(weights.get());
      const Rows rows = golden_rows(lines, *m);
      network.reserve(rows.batch, 1);
      network.forward(rows.batch, {}, {});
      const train::Objective objective =
          objective_of(train::Aim::joint, network.heads(), network.layers(), false, 0);
      train::StepLosses losses;
      losses.begin(objective, step_size(rows.batch.rows()));
      losses.exits(network, rows.gold(), {}, rows.batch.rows());
      weights->clear_gradients({});
      network.backward(rows.batch, {}, {}, {losses.gradients(), {}, false});
      return weights;
    };
    const auto of_shared = gradients_of(&shared), of_copies = gradients_of(&copied);
    size_t compared = 0;
    for (size_t i = 0; i < copies.size(); ++i) {
      if (copies[i].size() < 2) continue;
      ++compared;
      const auto& p = (*of_shared)[static_cast<model::ParameterId>(i)];
      std::vector<float> sum(p.value.size(), -0.0f);  // which adds nothing, not even a sign
      for (const model::ParameterId id : copies[i]) {
        const grad::TrainedParameter& copy = (*of_copies)[id];
        for (size_t j = 0; j < sum.size(); ++j) sum[j] += copy.gradient.data()[j];
      }
      EXPECT_TRUE(p.reached);
      EXPECT_EQ(std::memcmp(sum.data(), p.gradient.data(), sum.size() * sizeof(float)), 0)
          << shared.parameters.tensor(static_cast<model::ParameterId>(i)).name;
    }
    EXPECT_GE(compared, 16u);
  }
}

}  // namespace
}  // namespace costeff
