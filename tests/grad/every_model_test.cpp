// Every checkpoint that the engine runs: the training forward pass gives the references' logits, and
// the gradient of each tensor is the slope of the loss.

#include <costeff/engine.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "golden/golden_directories.h"
#include "tiny_checkpoint.h"
#include "train/objective.h"
#include "training_rows.h"

namespace costeff {
namespace {

double loss_of(Student* s, const Rows& rows, const train::Objective& objective,
               train::StepLosses* losses) {
  s->network->forward(rows.batch, {}, {});
  losses->begin(objective, step_size(rows.batch.rows()));
  losses->exits(*s->network, rows.gold(), {}, rows.batch.rows());
  return losses->loss();
}

// The gradient of each tensor that matters is the slope of the loss. difference: of the loss, to both
// sides.
void expect_slopes(Student* s, const Rows& rows, const train::Objective& objective,
                   double difference) {
  train::StepLosses losses;
  loss_of(s, rows, objective, &losses);
  s->weights->clear_gradients({});
  s->network->backward(rows.batch, {}, {}, {losses.gradients(), {}, false});
  double largest = 0;
  std::vector<double> norms(static_cast<size_t>(s->weights->count()));
  for (size_t i = 0; i < norms.size(); ++i) {
    const auto& p = (*s->weights)[static_cast<model::ParameterId>(i)];
    if (!p.reached) continue;
    norms[i] = std::sqrt(
        kernels::kReferenceGrad.squares(p.gradient.data(), static_cast<int64_t>(p.value.size())));
    largest = std::max(largest, norms[i]);
  }
  ASSERT_GT(largest, 0);
  // Along its own gradient, a tensor's slope is the gradient's norm.
  for (size_t i = 0; i < norms.size(); ++i) {
    const auto id = static_cast<model::ParameterId>(i);
    auto& p = (*s->weights)[id];
    if (norms[i] < 0.02 * largest) continue;
    const std::vector<float> before(p.value.begin(), p.value.end());
    const double step = difference / norms[i];
    const auto at = [&](double by) {
      for (size_t j = 0; j < before.size(); ++j)
        p.value[j] = static_cast<float>(before[j] + by * p.gradient.data()[j] / norms[i]);
      s->weights->pack({}, true);
      train::StepLosses other;
      return loss_of(s, rows, objective, &other);
    };
    const double slope = (at(step) - at(-step)) / (2 * step);
    EXPECT_NEAR(slope, norms[i], 0.03 * norms[i]) << s->model.parameters.tensor(id).name;
    std::copy(before.begin(), before.end(), p.value.begin());
  }
  s->weights->pack({}, true);
}

TEST(EveryModel, ForwardIsTheReferencesAndGradientsAreSlopes) {
  int64_t models = 0;
  for (const std::string& name : directories()) {
    SCOPED_TRACE(name);
    const std::string dir = shared_path("golden/" + name);
    const model::Model probe = checkpoint::load_model(dir, true);
    if (probe.arch.question_answering) continue;
    ++models;
    Student s(dir, {kernels::find_table(""), kernels::Precision::float32});
    std::vector<nlohmann::json> lines = read_json_lines(dir + "/golden.jsonl");
    lines.resize(std::min<size_t>(3, lines.size()));
    const Rows rows = golden_rows(lines, s.model);
    const train::Objective objective =
        objective_of(train::Aim::joint, s.network->heads(), s.network->layers(), false, 0);
    s.network->reserve(rows.batch, 1);
    train::StepLosses losses;
    loss_of(&s, rows, objective, &losses);
    const size_t exits = s.model.arch.heads.size();
    for (size_t i = 0; i < lines.size(); ++i) {
      const auto& wanted = lines[i].at("logits");
      for (size_t e = 0; e < exits; ++e) {
        // Checkpoints with one exit have a list of logits, others one per exit.
        const auto& logits = wanted[0].is_array() ? wanted[wanted.size() - exits + e] : wanted;
        for (size_t c = 0; c < logits.size(); ++c) {
          EXPECT_NEAR(s.network->logits(e)[i * logits.size() + c], logits[c].get<double>(), 1e-4)
              << "row " << i << " exit " << e;
        }
      }
    }
    expect_slopes(&s, rows, objective, 2e-3);
  }
  EXPECT_GE(models, 30);
}

TEST(EveryModel, SublayersWithoutUnits) {
  for (const TinyShape& shape : tiny_empty_shapes()) {
    SCOPED_TRACE(tiny_config(shape));
    const TempDir dir;
    write_tiny_checkpoint(dir.path(), shape);
    Student s(dir.path(), {kernels::find_table(""), kernels::Precision::float32});
    Rows rows;
    std::vector<Example> examples;
    for (const std::vector<int32_t>& ids :
         {std::vector<int32_t>{2, 30, 41, 3}, {2, 17, 17, 5, 99, 104, 61, 8, 3}, {2, 3}}) {
      rows.batch.add(ids, {}, static_cast<uint32_t>(examples.size()));
      rows.labels.push_back(static_cast<int32_t>(examples.size()));
      examples.emplace_back();
      examples.back().input_ids = ids;
      examples.back().has_ids = true;
    }
    const train::Objective objective =
        objective_of(train::Aim::joint, s.network->heads(), s.network->layers(), false, 0);
    s.network->reserve(rows.batch, 1);
    train::StepLosses losses;
    loss_of(&s, rows, objective, &losses);
    RunOptions options;
    options.policy = ExitPolicy{};
    options.all_exits = true;
    const std::vector<Result> wanted = Engine(dir.path()).score(examples, options);
    for (size_t i = 0; i < wanted.size(); ++i) {
      for (size_t e = 0; e < wanted[i].exits.size(); ++e) {
        const std::vector<float>& logits = wanted[i].exits[e].logits;
        for (size_t c = 0; c < logits.size(); ++c)
          EXPECT_NEAR(s.network->logits(e)[i * logits.size() + c], logits[c], 1e-4)
              << i << " " << e;
      }
    }
    expect_slopes(&s, rows, objective, 5e-3);
    for (int64_t i = 0; i < s.weights->count(); ++i) {
      const auto id = static_cast<model::ParameterId>(i);
      EXPECT_TRUE((*s.weights)[id].reached) << s.model.parameters.tensor(id).name;
    }
  }
}

}  // namespace
}  // namespace costeff
