#pragma once

// What the tests of pruning without retraining read of the references' directories.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/containers/weights.h"
#include "golden_form.h"
#include "prune/mask_gradients.h"
#include "prune/search.h"
#include "training_rows.h"

namespace costeff {

using nlohmann::json;
using prune::Kept;

struct Array {
  std::vector<int64_t> shape;
  std::vector<float> values;
};
using Arrays = std::map<std::string, Array>;

inline Arrays read_arrays(const std::string& path) {
  const TensorSet set = checkpoint::read_safetensors(path);
  Arrays arrays;
  for (const Tensor& t : set.tensors) {
    Array& a = arrays[t.name];
    a.shape.assign(t.shape.begin(), t.shape.end());
    a.values.resize(static_cast<size_t>(t.numel()));
    to_float32(t, a.values.data());
  }
  return arrays;
}

// [L, units]
inline std::vector<std::vector<uint8_t>> mask_of(const Array& a) {
  std::vector<std::vector<uint8_t>> kept(static_cast<size_t>(a.shape[0]));
  const auto units = static_cast<size_t>(a.shape[1]);
  for (size_t l = 0; l < kept.size(); ++l)
    for (size_t i = 0; i < units; ++i) kept[l].push_back(a.values[l * units + i] != 0);
  return kept;
}
inline Kept kept_of(const Arrays& masks, const std::string& name) {
  return {mask_of(masks.at(name + "_head")), mask_of(masks.at(name + "_neuron"))};
}

// A directory, its mask gradients and its batches.
struct Case {
  std::string dir;
  json golden;
  int64_t batch_size;
  Student student;
  std::vector<prune::MaskGradients> gradients;
  std::vector<double> losses;

  explicit Case(const std::string& path)
      : dir(path),
        golden(read_json_file(path + "/golden.json")),
        batch_size(read_json_file(path + "/batch.json").at("batch_size")),
        student(path, {kernels::find_table(""), kernels::Precision::float32}) {
    const auto batches = static_cast<int64_t>(golden.at("batch_losses").size());
    gradients = prune::empty_gradients(student.model.arch, batches);
    const train::Objective objective =
        objective_of(train::Aim::joint, student.network->heads(), student.network->layers(),
                     is_regression(student.model.arch), 0);
    for (int64_t b = 0; b < batches; ++b) {
      Rows rows = read_rows(dir, is_regression(student.model.arch),
                            static_cast<size_t>(b * batch_size), static_cast<size_t>(batch_size));
      const int64_t count = rows.batch.rows();
      student.network->reserve(rows.batch, 1);
      student.weights->clear_gradients({});
      student.network->forward(rows.batch, {}, {});
      train::StepLosses loss;
      loss.begin(objective, step_size(count));
      loss.exits(*student.network, rows.gold(), {}, count);
      student.network->backward(rows.batch, {}, {}, {loss.gradients(), {}, false});
      losses.push_back(loss.loss());
      prune::read_gradients(*student.weights, b, {}, &gradients);
    }
  }
  prune::UnitCosts costs() const {
    const double tokens = golden.at("seq_len");
    return prune::unit_costs(student.model.arch, tokens, tokens * tokens);
  }
  std::vector<prune::UnitCosts> layer_costs() const {
    return std::vector<prune::UnitCosts>(student.model.arch.layers.size(), costs());
  }
  double budget(double share) const {
    return share * prune::cost_of(prune::all_kept(student.model.arch), layer_costs());
  }
  // Under a share of the multiply-accumulates of all units.
  Kept searched(const prune::Scores& scores, double share) const {
    const auto table = linear_costs(prune::all_kept(student.model.arch), layer_costs(), 1);
    return prune::search(scores, table, budget(share), int64_t{1} << 18);
  }
};

// Of a model on the rows of a directory.
inline void expect_logits(Student* student, const std::string& dir, const json& wanted,
                          double tolerance) {
  Rows rows = read_rows(dir, is_regression(student->model.arch));
  student->network->reserve(rows.batch, 1);
  student->network->forward(rows.batch, {}, {});
  const auto labels = static_cast<size_t>(student->model.arch.num_labels);
  const float* got = student->network->logits(student->network->heads().size() - 1);
  for (size_t b = 0; b < wanted.size(); ++b)
    for (size_t k = 0; k < labels; ++k)
      EXPECT_NEAR(got[b * labels + k], wanted[b][k].get<double>(), tolerance) << b << " " << k;
}

class PostTraining : public testing::Test {
 protected:
  void SetUp() override {
    for (const std::string& dir : golden_train_of(GoldenForm::post_training))
      cases_.push_back(std::make_unique<Case>(dir));
    ASSERT_FALSE(cases_.empty());
  }
  std::vector<std::unique_ptr<Case>> cases_;
};

}  // namespace costeff
