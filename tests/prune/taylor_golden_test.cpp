// COST-EFF's prunings, beside the reference (golden_train's directories of that form).

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "checkpoint/containers/weights.h"
#include "golden_form.h"
#include "optim/adamw.h"
#include "prune/factorise.h"
#include "prune/fold.h"
#include "prune/schedule.h"
#include "prune/taylor.h"
#include "tiny_checkpoint.h"
#include "training_rows.h"

namespace costeff {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

std::vector<float> values_of(const TensorSet& set, const Tensor& t) {
  std::vector<float> values(static_cast<size_t>(t.numel()));
  set.take_float32(t, values.data());
  return values;
}

// The directory of the model that pruning k begins with.
std::string start_of(const std::string& dir, int64_t k, const TempDir& temp) {
  if (k == 1) return dir;
  const std::string to = temp.path() + "/start" + std::to_string(k);
  fs::create_directory(to);
  fs::copy_file(dir + "/step" + std::to_string(k) + "_start.safetensors",
                to + "/model.safetensors");
  fs::copy_file(dir + "/pruned" + std::to_string(k - 1) + "_config.json", to + "/config.json");
  return to;
}

prune::Widths widths_of(const json& sizes) {
  const int64_t rank = sizes.at("rank");
  return {sizes.at("heads"), sizes.at("ffn"), std::max<int64_t>(0, rank)};
}

void expect_scores(const std::vector<std::vector<double>>& got, const json& wanted,
                   const char* what) {
  ASSERT_EQ(got.size(), wanted.size());
  for (size_t l = 0; l < got.size(); ++l) {
    ASSERT_EQ(got[l].size(), wanted[l].size());
    for (size_t i = 0; i < got[l].size(); ++i) {
      const double w = wanted[l][i];
      EXPECT_NEAR(got[l][i], w, 1e-4 * w) << what << " " << i << " of layer " << l + 1;
    }
  }
}

// The numbers of the units that stay.
std::vector<std::vector<int64_t>> numbers(const std::vector<std::vector<uint8_t>>& kept) {
  std::vector<std::vector<int64_t>> out;
  for (const auto& layer : kept) out.push_back(prune::places(layer, 1));
  return out;
}

// The word vectors, multiplied out, [V, H].
std::vector<double> word_product(const model::Model& m) {
  const model::Linear& up = *m.arch.embeddings.word_up;
  const Tensor& word = m.parameters.tensor(m.arch.embeddings.word);
  const auto* a = reinterpret_cast<const float*>(word.data);
  const auto* b = reinterpret_cast<const float*>(m.parameters.tensor(up.weight).data);
  std::vector<double> product;
  for (int64_t v = 0; v < word.shape[0]; ++v) {
    for (int64_t h = 0; h < up.out; ++h) {
      double sum = 0;
      for (int64_t r = 0; r < up.in; ++r)
        sum += static_cast<double>(a[v * up.in + r]) * b[h * up.in + r];
      product.push_back(sum);
    }
  }
  return product;
}

void expect_pruned(const model::Model& m, const TensorSet& wanted) {
  size_t seen = 0;
  const Tensor* product = wanted.find("word_embedding_product");
  ASSERT_TRUE(product);
  const std::vector<float> words = values_of(wanted, *product);
  const std::vector<double> got = word_product(m);
  ASSERT_EQ(got.size(), words.size());
  for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], words[i], 3e-4) << i;
  ++seen;
  model::for_each_parameter(m, [&](const model::Parameter& p) {
    if (p.role == model::Role::word || p.role == model::Role::word_up) return;
    const Tensor* t = wanted.find(p.tensor.name);
    ASSERT_TRUE(t) << p.tensor.name;
    ASSERT_EQ(p.tensor.shape, t->shape) << p.tensor.name;
    const std::vector<float> value = values_of(wanted, *t);
    EXPECT_EQ(std::memcmp(value.data(), p.tensor.data, value.size() * sizeof(float)), 0)
        << p.tensor.name;
    ++seen;
  });
  EXPECT_EQ(seen, wanted.tensors.size());
}

void expect_schedule(const json& step, int64_t k) {
  constexpr double kBase = 1e-5;
  const double rate = prune::restored_rate(kBase, k);
  EXPECT_NEAR(rate, step.at("learning_rate_base").get<double>(), 1e-12 * kBase);
  const int64_t period = step.at("prune_step");
  const json& rates = step.at("learning_rates");
  for (size_t t = 0; t < rates.size(); ++t) {
    EXPECT_NEAR(rate * optim::linear_schedule(static_cast<int64_t>(t),
                                              prune::restored_warmup(period), period),
                rates[t].get<double>(), 1e-9 * kBase)
        << "step " << t;
  }
}

// One pruning.
void expect_step(const std::string& dir, const json& golden, int64_t k, const TempDir& temp,
                 std::vector<std::vector<int64_t>>* originals) {
  SCOPED_TRACE("pruning " + std::to_string(k));
  const json& step = golden.at("steps")[static_cast<size_t>(k - 1)];
  const Precise precise{kernels::find_table(""), kernels::Precision::float32};
  Student student(start_of(dir, k, temp), precise), teacher(dir + "/teacher", precise);
  train::Objective objective =
      objective_of(train::Aim::importance, student.network->heads(), student.network->layers(),
                   is_regression(student.model.arch), 0);
  const json batch_file = read_json_file(dir + "/batch.json");
  objective.hidden_tokens = batch_file.at("padded_length");
  prune::Importance importance(*student.weights);
  for (size_t b = 0; b < step.at("batches").size(); ++b) {
    Rows rows;
    rows.batch.pad_token = batch_file.at("pad_id");
    for (const int64_t number : step["batches"][b]) {
      const Rows one = read_rows(dir, false, static_cast<size_t>(number), 1);
      const json& row = batch_file["rows"][static_cast<size_t>(number)];
      rows.batch.add(row.at("input_ids").get<std::vector<int32_t>>(),
                     row.value("token_type_ids", std::vector<int32_t>()), 0);
      rows.labels.push_back(one.labels[0]);
    }
    for (Student* s : {&student, &teacher}) {
      s->network->reserve(rows.batch, 1);
      s->network->forward(rows.batch, {}, {});
    }
    student.weights->clear_gradients({});
    train::TeacherAnswer answer;
    for (size_t e = 0; e < teacher.network->heads().size(); ++e)
      answer.logits.push_back(teacher.network->logits(e));
    for (int64_t i = 0; i <= teacher.network->layers(); ++i)
      answer.hidden.push_back(teacher.network->hidden_state(i));
    train::StepLosses losses;
    const int64_t count = rows.batch.rows();
    losses.begin(objective, step_size(count));
    losses.exits(*student.network, rows.gold(), answer, count);
    const grad::HiddenGradient hidden = losses.hidden(rows.batch, answer, *student.network);
    student.network->backward(rows.batch, {}, {}, {losses.gradients(), hidden, objective.rescale});
    losses.end_batch();
    const double wanted = step["batch_losses"][b];
    EXPECT_NEAR(losses.loss(), wanted, 1e-5 * wanted) << "batch " << b;
    importance.add({});
  }
  const TensorSet weights =
      checkpoint::read_safetensors(dir + "/importance" + std::to_string(k) + ".safetensors");
  size_t compared = 0;
  for (const model::ParameterId id : model::parameters_in_use(student.model.arch)) {
    const model::Parameter& p = student.model.parameters[id];
    const Tensor* t = weights.find(p.tensor.name);
    EXPECT_EQ(t == nullptr, prune::has_no_importance(p)) << p.tensor.name;
    if (!t) continue;
    ++compared;
    const std::vector<float> wanted = values_of(weights, *t);
    const std::vector<double> got = importance.of(id);
    const float largest = *std::max_element(wanted.begin(), wanted.end());
    ASSERT_EQ(got.size(), wanted.size());
    // As gradients.
    for (size_t i = 0; i < got.size(); ++i)
      EXPECT_NEAR(got[i], wanted[i], 1e-3 * largest) << p.tensor.name;
  }
  EXPECT_EQ(compared, weights.tensors.size());

  const prune::Scores scores = importance.scores();
  expect_scores(scores.heads, step.at("head_scores"), "head");
  expect_scores(scores.neurons, step.at("neuron_scores"), "neuron");
  const json& all = golden["steps"];
  const prune::Widths from = widths_of(all.front().at("before")),
                      to = widths_of(all.back().at("after"));
  const int64_t prunings = prune::prunings_between(from, to);
  EXPECT_EQ(prunings, static_cast<int64_t>(all.size()));
  const prune::Widths after =
      prune::widths_after(from, to, student.model.arch.hidden_size, k, prunings);
  EXPECT_EQ(after, widths_of(step.at("after")));
  const prune::Kept kept = prune::best_units(scores, after.heads, after.neurons);
  EXPECT_EQ(json(numbers(kept.heads)), step.at("kept_heads"));
  EXPECT_EQ(json(numbers(kept.neurons)), step.at("kept_neurons"));
  prune::follow_units(kept.heads, originals);
  EXPECT_EQ(json(*originals), step.at("head_to_distill"));

  model::Model pruned = prune::fold(student.model, kept);
  prune::factorise_embedding(&pruned, after.rank);
  expect_pruned(pruned,
                checkpoint::read_safetensors(dir + "/pruned" + std::to_string(k) + ".safetensors"));
  expect_schedule(step, k);
}

TEST(TaylorPruning, AsTheReference) {
  const std::vector<std::string> dirs = golden_train_of(GoldenForm::prune);
  ASSERT_FALSE(dirs.empty());
  for (const std::string& dir : dirs) {
    SCOPED_TRACE(dir);
    const json golden = read_json_file(dir + "/golden.json");
    const TempDir temp;
    std::vector<std::vector<int64_t>> originals;
    for (size_t k = 1; k <= golden.at("steps").size(); ++k)
      expect_step(dir, golden, static_cast<int64_t>(k), temp, &originals);
  }
}

}  // namespace
}  // namespace costeff
