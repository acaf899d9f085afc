// Pruning without retraining, beside the references (golden_train's directories of that form): which units
// stay.

#include "post_training_case.h"

namespace costeff {
namespace {

void expect_same(const Kept& got, const Kept& wanted) {
  EXPECT_EQ(got.heads, wanted.heads);
  EXPECT_EQ(got.neurons, wanted.neurons);
}

void expect_counts(const Kept& got, const json& wanted) {
  for (size_t l = 0; l < got.heads.size(); ++l) {
    EXPECT_EQ(prune::count(got.heads[l]), wanted["heads"][l].get<int64_t>()) << "layer " << l;
    EXPECT_EQ(prune::count(got.neurons[l]), wanted["neurons"][l].get<int64_t>()) << "layer " << l;
  }
}

// Of layer l, relative as the goldens' README says.
void expect_fisher(const std::vector<double>& got, const Array& wanted, size_t l) {
  const double largest = *std::max_element(wanted.values.begin(), wanted.values.end());
  for (size_t i = 0; i < got.size(); ++i) {
    const double w = wanted.values[l * got.size() + i];
    EXPECT_NEAR(got[i], w, 1e-4 * std::max(w, 1e-4 * largest)) << "layer " << l << " unit " << i;
  }
}

void expect_gradients(const Eigen::MatrixXd& got, const Array& wanted, int64_t layer,
                      const std::string& what) {
  const int64_t batches = wanted.shape[0], layers = wanted.shape[1], units = wanted.shape[2];
  ASSERT_EQ(got.rows(), units);
  ASSERT_EQ(got.cols(), batches);
  for (int64_t b = 0; b < batches; ++b) {
    const float* of_batch = wanted.values.data() + b * layers * units;
    double largest = 0;
    for (int64_t i = 0; i < layers * units; ++i)
      largest = std::max(largest, std::abs(static_cast<double>(of_batch[i])));
    for (int64_t i = 0; i < units; ++i)
      EXPECT_NEAR(got(i, b), of_batch[layer * units + i], 1e-4 * largest)
          << what << " batch " << b << " layer " << layer << " unit " << i;
  }
}

TEST_F(PostTraining, GradientsOfMasksAndTheirSquares) {
  for (const auto& c : cases_) {
    SCOPED_TRACE(c->dir);
    for (size_t b = 0; b < c->losses.size(); ++b)
      EXPECT_NEAR(c->losses[b], c->golden["batch_losses"][b].get<double>(), 1e-5);
    const Arrays wanted = read_arrays(c->dir + "/mask_grads.safetensors");
    const prune::Scores scores = prune::fisher_scores(c->gradients);
    for (size_t l = 0; l < c->gradients.size(); ++l) {
      const auto layer = static_cast<int64_t>(l);
      expect_gradients(c->gradients[l].heads, wanted.at("head"), layer, "heads");
      expect_gradients(c->gradients[l].neurons, wanted.at("neuron"), layer, "neurons");
      expect_fisher(scores.heads[l], wanted.at("head_fisher"), l);
      expect_fisher(scores.neurons[l], wanted.at("neuron_fisher"), l);
    }
  }
}

TEST_F(PostTraining, UnitsThatABudgetPays) {
  for (const auto& c : cases_) {
    SCOPED_TRACE(c->dir);
    EXPECT_NEAR(c->costs().head, c->golden["mac_per_head"].get<double>(), 1e-6);
    EXPECT_NEAR(c->costs().neuron, c->golden["mac_per_neuron"].get<double>(), 1e-6);
    const prune::Scores scores = prune::fisher_scores(c->gradients);
    for (const auto& [constraint, wanted] : c->golden["constraints"].items()) {
      SCOPED_TRACE(constraint);
      const Arrays masks = read_arrays(c->dir + "/masks_" + constraint + ".safetensors");
      Kept kept = c->searched(scores, std::stod(constraint));
      expect_same(kept, kept_of(masks, "searched"));
      expect_counts(kept, wanted);
      EXPECT_NEAR(prune::cost_of(kept, c->layer_costs()) / c->budget(1),
                  wanted["mac_ratio"].get<double>(), 1e-9);
      expect_same(c->searched(scores, wanted["teacher_constraint"]), kept_of(masks, "teacher"));
      prune::rearrange(c->gradients, &kept);
      expect_same(kept, kept_of(masks, "rearranged"));
    }
    for (const auto& [constraint, wanted] : c->golden["search_only"].items()) {
      SCOPED_TRACE(constraint);
      expect_counts(c->searched(scores, std::stod(constraint)), wanted["within_budget"]);
    }
  }
}

TEST_F(PostTraining, UnitsThatATimePays) {
  for (const auto& c : cases_) {
    SCOPED_TRACE(c->dir);
    const json& latency = c->golden.at("latency");
    prune::CostTable table;
    for (const json& costs : latency["mha"]) {
      table.heads.push_back({{}, costs});
      for (size_t n = 0; n < costs.size(); ++n)
        table.heads.back().counts.push_back(static_cast<int64_t>(n));
    }
    for (const json& costs : latency["ffn"]) table.neurons.push_back({latency["ffn_sizes"], costs});
    EXPECT_EQ(table.full(), latency["full"].get<double>());
    const prune::Scores scores = prune::fisher_scores(c->gradients);
    for (const json& wanted : latency["best"]) {
      const Kept kept = prune::search(scores, table, wanted["budget"], wanted["budget"]);
      double sum = 0;
      for (size_t l = 0; l < kept.heads.size(); ++l) {
        for (size_t i = 0; i < kept.heads[l].size(); ++i)
          if (kept.heads[l][i]) sum += scores.heads[l][i];
        for (size_t i = 0; i < kept.neurons[l].size(); ++i)
          if (kept.neurons[l][i]) sum += scores.neurons[l][i];
      }
      const double best = wanted["kept_fisher"];
      EXPECT_NEAR(sum, best, 1e-4 * best);
    }
    EXPECT_GT(table.least(), 0);
    EXPECT_THROW(prune::search(scores, table, table.least() / 2), Error);
  }
}

// The Fisher information of answers drawn from the model itself, in expectation: of each row and class,
// sqrt(p) / B times the gradient of -ln p.
TEST_F(PostTraining, LabelFreeFisherInExpectation) {
  for (const auto& c : cases_) {
    SCOPED_TRACE(c->dir);
    const model::Architecture& arch = c->student.model.arch;
    ASSERT_FALSE(is_regression(arch));
    const auto rows = static_cast<int64_t>(read_json_file(c->dir + "/batch.json")["rows"].size());
    const int64_t labels = arch.num_labels;
    std::vector<prune::MaskGradients> gradients = prune::empty_gradients(arch, rows * labels);
    const train::Objective objective = objective_of(train::Aim::joint, c->student.network->heads(),
                                                    c->student.network->layers(), false, 0);
    for (int64_t r = 0; r < rows; ++r) {
      Rows row = read_rows(c->dir, false, static_cast<size_t>(r), 1);
      c->student.network->reserve(row.batch, 1);
      for (int64_t label = 0; label < labels; ++label) {
        row.labels = {static_cast<int32_t>(label)};
        c->student.weights->clear_gradients({});
        c->student.network->forward(row.batch, {}, {});
        train::StepLosses loss;
        loss.begin(objective, step_size(1));
        loss.exits(*c->student.network, row.gold(), {}, 1);
        c->student.network->backward(row.batch, {}, {}, {loss.gradients(), {}, false});
        const int64_t number = r * labels + label;
        prune::read_gradients(*c->student.weights, number, {}, &gradients);
        const double factor = std::exp(-loss.loss() / 2) / static_cast<double>(c->batch_size);
        for (prune::MaskGradients& layer : gradients) {
          layer.heads.col(number) *= factor;
          layer.neurons.col(number) *= factor;
        }
      }
    }
    const prune::Scores scores = prune::fisher_scores(gradients);
    const Arrays wanted = read_arrays(c->dir + "/mask_grads.safetensors");
    for (size_t l = 0; l < scores.heads.size(); ++l) {
      expect_fisher(scores.heads[l], wanted.at("head_fisher_expected"), l);
      expect_fisher(scores.neurons[l], wanted.at("neuron_fisher_expected"), l);
    }
  }
}

}  // namespace
}  // namespace costeff
