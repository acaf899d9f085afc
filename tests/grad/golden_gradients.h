#pragma once

// Gradients beside those of golden_train, within its tolerances.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/tensors/tensor.h"
#include "training_rows.h"

namespace costeff {

inline std::vector<Precise> all_precise() {
  std::vector<Precise> all;
  for (const auto* const* t = kernels::all_tables(); *t; ++t) {
    all.push_back({*t, kernels::Precision::float32});
    all.push_back({*t, kernels::Precision::bfloat16});
  }
  return all;
}

inline float distance_from(double value, double wanted) {
  return static_cast<float>(std::fabs(value - wanted) / std::max(1e-30, std::fabs(wanted)));
}

// The gradients against the file's.
inline void expect_gradients(const grad::TrainedWeights& weights, const model::Model& m,
                             const TensorSet& wanted, kernels::Precision precision, double* norm) {
  const bool exact = precision == kernels::Precision::float32;
  double largest = 0, squares = 0;
  for (const Tensor& t : wanted.tensors) {
    std::vector<float> w(static_cast<size_t>(t.numel()));
    to_float32(t, w.data());
    for (const float v : w) largest = std::max(largest, static_cast<double>(std::fabs(v)));
  }
  size_t seen = 0;
  for (int64_t i = 0; i < weights.count(); ++i) {
    const auto id = static_cast<model::ParameterId>(i);
    const grad::TrainedParameter& p = weights[id];
    if (p.value.empty()) continue;
    const std::string& name = m.parameters.tensor(id).name;
    const Tensor* t = wanted.find(name);
    ASSERT_EQ(p.reached, t != nullptr) << name;
    if (!t) continue;
    ++seen;
    std::vector<float> w(static_cast<size_t>(t->numel()));
    ASSERT_EQ(w.size(), p.value.size()) << name;
    to_float32(*t, w.data());
    double worst = 0, own = 0, off_squares = 0, own_squares = 0;
    for (size_t j = 0; j < w.size(); ++j) {
      const double g = p.gradient.data()[j], off = std::fabs(g - w[j]);
      worst = std::max(worst, off);
      own = std::max(own, static_cast<double>(std::fabs(w[j])));
      off_squares += off * off;
      own_squares += static_cast<double>(w[j]) * w[j];
      squares += g * g;
    }
    if (exact && name.find("self.key.bias") != std::string::npos) {
      EXPECT_LE(worst, 1e-6 * largest) << name;
    } else if (exact) {
      EXPECT_LE(worst, 1e-3 * std::max(own, 1e-4 * largest)) << name;
    } else if (own < 1e-3 * largest) {
      EXPECT_LE(worst, 3e-2 * largest) << name;
    } else {
      EXPECT_LE(std::sqrt(off_squares / own_squares), 3e-2) << name;
    }
  }
  EXPECT_EQ(seen, wanted.tensors.size());
  *norm = std::sqrt(squares);
}

}  // namespace costeff
