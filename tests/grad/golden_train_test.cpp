// Losses and gradients of the references (golden_train), found by their form: every directory with a
// batch, a model and gradients must be understood.

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/containers/weights.h"
#include "golden/golden_data.h"
#include "grad/network.h"
#include "shared_data.h"
#include "train/objective.h"
#include "training_rows.h"

namespace costeff {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

// What a later capability takes.
const char* const kLater[] = {"cofi", "prune"};

struct Case {
  std::string dir, variant;
};

std::vector<Case> all_cases() {
  std::vector<std::string> directories;
  for (const auto& entry : fs::directory_iterator(shared_path("golden_train")))
    if (fs::exists(entry.path() / "golden.json")) directories.push_back(entry.path());
  std::sort(directories.begin(), directories.end());
  std::vector<Case> cases;
  for (const std::string& dir : directories) {
    const json golden = read_json_file(dir + "/golden.json");
    if (!fs::exists(dir + "/batch.json") || !fs::exists(dir + "/model.safetensors")) continue;
    const std::string name = fs::path(dir).filename();
    if (std::any_of(std::begin(kLater), std::end(kLater),
                    [&](const char* part) { return name.find(part) != std::string::npos; }))
      continue;
    if (golden.contains("losses")) continue;  // a loop: optim_golden_test.cpp
    if (!golden.contains("variants")) cases.push_back({dir, ""});
    const json variants = golden.value("variants", json::object());
    for (const auto& [variant, value] : variants.items()) cases.push_back({dir, variant});
  }
  return cases;
}

struct Aimed {
  train::Aim aim;
  int64_t step = 0;
};

// From the dialect and the variant's name, as the collection's README names them.
Aimed aim_of(const std::string& dialect, const std::string& variant, bool teacher_has_ramps) {
  using train::Aim;
  if (variant.empty()) return {dialect == "pabee" ? Aim::weighted : Aim::last};
  const std::map<std::string, Aimed> by_name{
      {"stage1", {Aim::last}},
      {"stage2", {Aim::ramps}},
      {"all", {Aim::joint}},
      {"alternate_even", {Aim::alternate, 0}},
      {"alternate_odd", {Aim::alternate, 1}},
      {"alternate_lte_even", {Aim::alternate_lte, 0}},
      {"alternate_lte_odd", {Aim::alternate_lte, 1}},
      {"weight_linear", {Aim::weighted}},
      {"self_distil", {Aim::self_distil}},
      {"repr", {Aim::hidden}},
      {"hard", {Aim::joint_rescaled}},
      {"pred", {teacher_has_ramps ? Aim::exits : Aim::assistant}},
      {"pred_repr", {Aim::exits_hidden}},
  };
  // What follows _exit and _temp is said by the variant's keys.
  const auto found =
      by_name.find(variant.substr(0, std::min(variant.find("_exit"), variant.find("_temp"))));
  if (found == by_name.end()) throw std::runtime_error("unknown variant " + variant);
  return found->second;
}

std::vector<Precise> all_precise() {
  std::vector<Precise> all;
  for (const auto* const* t = kernels::all_tables(); *t; ++t) {
    all.push_back({*t, kernels::Precision::float32});
    all.push_back({*t, kernels::Precision::bfloat16});
  }
  return all;
}

float distance_from(double value, double wanted) {
  return static_cast<float>(std::fabs(value - wanted) / std::max(1e-30, std::fabs(wanted)));
}

// The gradients against the file's.
void expect_gradients(const Student& s, const TensorSet& wanted, kernels::Precision precision,
                      double* norm) {
  const bool exact = precision == kernels::Precision::float32;
  double largest = 0, squares = 0;
  for (const Tensor& t : wanted.tensors) {
    std::vector<float> w(static_cast<size_t>(t.numel()));
    to_float32(t, w.data());
    for (const float v : w) largest = std::max(largest, static_cast<double>(std::fabs(v)));
  }
  size_t seen = 0;
  for (int64_t i = 0; i < s.weights->count(); ++i) {
    const auto id = static_cast<model::ParameterId>(i);
    const grad::TrainedParameter& p = (*s.weights)[id];
    if (p.value.empty()) continue;
    const std::string& name = s.model.parameters.tensor(id).name;
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

TEST(GoldenTrain, LossesAndGradients) {
  const std::vector<Case> cases = all_cases();
  ASSERT_FALSE(cases.empty());
  for (const Case& c : cases) {
    for (const Precise& p : all_precise()) {
      SCOPED_TRACE(c.dir + " " + c.variant + " " + p.table->name +
                   (p.precision == kernels::Precision::float32 ? " float32" : " bfloat16"));
      const bool exact = p.precision == kernels::Precision::float32;
      const json golden = read_json_file(c.dir + "/golden.json");
      const json& wanted = c.variant.empty() ? golden : golden.at("variants").at(c.variant);
      Student s(c.dir, p);
      Rows rows = read_rows(c.dir, s.model.arch.regression);
      const int64_t layers = s.network->layers(), count = rows.batch.rows();
      std::unique_ptr<Student> teacher;
      train::TeacherAnswer answer;
      if (fs::exists(c.dir + "/teacher")) {
        teacher = std::make_unique<Student>(c.dir + "/teacher", p);
        teacher->network->reserve(rows.batch, 1);
        teacher->network->forward(rows.batch, {}, {});
        const size_t last = teacher->model.arch.heads.size() - 1;
        for (size_t e = 0; e < s.network->heads().size(); ++e)
          answer.logits.push_back(teacher->network->logits(std::min(e, last)));
        for (int64_t i = 0; i <= layers; ++i)
          answer.hidden.push_back(teacher->network->hidden_state(i));
      }
      const Aimed aimed = aim_of(s.model.provenance.dialect, c.variant,
                                 teacher && teacher->model.arch.heads.size() > 1);
      train::Objective objective =
          objective_of(aimed.aim, s.network->heads(), layers, s.model.arch.regression, aimed.step,
                       wanted.value("exit_start", 1), wanted.value("temperature", 1.0));
      s.network->reserve(rows.batch, 1);
      s.network->forward(rows.batch, {}, {});
      train::StepLosses losses;
      losses.begin(objective, step_size(count));
      losses.exits(*s.network, rows.gold(), answer, count);
      const auto hidden = losses.hidden(rows.batch, answer, *s.network);
      const auto backward = [&](bool rescale) {
        s.weights->clear_gradients({});
        s.network->backward(rows.batch, {}, {}, {losses.gradients(), hidden, rescale});
      };
      backward(objective.rescale);
      losses.end_batch();
      const double loss = losses.loss();
      EXPECT_LE(distance_from(loss, wanted.at("loss")), exact ? 1e-5 : 1e-2) << loss;
      if (wanted.contains("lte_loss") && losses.lte() > 0) {
        EXPECT_LE(distance_from(losses.lte(), wanted["lte_loss"]), exact ? 1e-5 : 1e-2);
      }
      const std::string same = wanted.value("grads", "");
      const std::string file = c.variant.empty() ? "/grads.safetensors"
                               : same.starts_with("equal to ")
                                   ? "/" + same.substr(9) + ".safetensors"
                                   : "/grads_" + c.variant + ".safetensors";
      double norm = 0;
      expect_gradients(s, checkpoint::read_safetensors(c.dir + file), p.precision, &norm);
      EXPECT_LE(distance_from(norm, wanted.at("grad_norm")), exact ? 1e-4 : 1e-2);
      const std::string unscaled = c.dir + "/grads_" + c.variant + "_unscaled.safetensors";
      if (fs::exists(unscaled)) {
        backward(false);
        expect_gradients(s, checkpoint::read_safetensors(unscaled), p.precision, &norm);
      }
    }
  }
}

}  // namespace
}  // namespace costeff
