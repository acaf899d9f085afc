// Steps of the references' optimisers from given gradients, their schedule and clipping, and their
// fine-tuning loop.

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "checkpoint/containers/weights.h"
#include "golden/golden_data.h"
#include "golden_form.h"
#include "optim/adamw.h"
#include "shared_data.h"
#include "train/objective.h"
#include "train/optimiser.h"
#include "training_rows.h"

namespace costeff {
namespace {

using nlohmann::json;

using Values = std::map<std::string, std::vector<float>>;

Values read_values(const std::string& path) {
  Values values;
  for (const Tensor& t : checkpoint::read_safetensors(path).tensors) {
    auto& v = values[t.name];
    v.resize(static_cast<size_t>(t.numel()));
    to_float32(t, v.data());
  }
  return values;
}

bool decays(const std::string& name) {
  return name.find("bias") == std::string::npos &&
         name.find("LayerNorm.weight") == std::string::npos;
}

// Throws for a text that begins with neither.
optim::Variant variant_of(const std::string& text, const char* hugging_face, const char* torch) {
  if (text.starts_with(hugging_face)) return optim::Variant::hugging_face;
  if (text.starts_with(torch)) return optim::Variant::torch;
  throw std::runtime_error("an optimiser that is not known: " + text);
}

optim::AdamW adam_of(const json& v) {
  optim::AdamW adam;
  adam.variant = variant_of(v.at("decay"), "after the step", "before the step");
  adam.beta1 = v.at("betas")[0];
  adam.beta2 = v.at("betas")[1];
  adam.eps = v.at("eps");
  adam.correct_bias = v.at("bias_correction");
  return adam;
}

void expect_steps_of_variants(const std::string& dir) {
  const json golden = read_json_file(dir + "/golden.json");
  const Values gradients = read_values(dir + "/gradients.safetensors");
  const json variants = golden.at("variants");
  ASSERT_FALSE(variants.empty());
  for (const auto& [name, v] : variants.items()) {
    const Values wanted = read_values(dir + "/weights_" + name + ".safetensors");
    for (const auto* const* t = kernels::all_tables(); *t; ++t) {
      SCOPED_TRACE(name + " " + (*t)->name);
      const kernels::GradTable& grad = kernels::grad_table(**t);
      Values values = read_values(dir + "/initial.safetensors");
      Values first, second;
      const auto steps = static_cast<int64_t>(v.at("learning_rates").size());
      for (int64_t step = 1; step <= steps; ++step) {
        const double rate = v["learning_rates"][static_cast<size_t>(step) - 1];
        if (!v["total_steps"].is_null()) {
          const double factor =
              optim::linear_schedule(step - 1, v["warmup_steps"], v["total_steps"]);
          EXPECT_NEAR(rate, v["lr"].get<double>() * factor, 1e-12);
        }
        for (auto& [parameter, p] : values) {
          auto& m = first[parameter];
          auto& s = second[parameter];
          m.resize(p.size());
          s.resize(p.size());
          const auto& g = gradients.at("step" + std::to_string(step) + "." + parameter);
          const double decay = decays(parameter) ? v["weight_decay"].get<double>() : 0;
          grad.adam(optim::adam_step(adam_of(v), step, rate, decay, 1), g.data(),
                    static_cast<int64_t>(p.size()), p.data(), m.data(), s.data());
          const auto& w = wanted.at("step" + std::to_string(step) + "." + parameter);
          ASSERT_EQ(w.size(), p.size());
          for (size_t i = 0; i < w.size(); ++i)
            ASSERT_NEAR(p[i], w[i], 2e-6) << step << " " << parameter << " " << i;
        }
      }
    }
  }
}

void expect_schedule_and_clipping(const std::string& dir) {
  const json schedule = read_json_file(dir + "/schedule.json");
  for (const json& s : schedule.at("linear")) {
    for (size_t i = 0; i < s["factors"].size(); ++i) {
      EXPECT_NEAR(
          optim::linear_schedule(static_cast<int64_t>(i), s["warmup_steps"], s["total_steps"]),
          s["factors"][i].get<double>(), 1e-12);
    }
  }
  const Values gradients = read_values(dir + "/gradients.safetensors");
  std::vector<std::vector<float>> tripled;
  for (const auto& [name, g] : gradients) {
    if (!name.starts_with("step1.")) continue;
    tripled.push_back(g);
    for (float& x : tripled.back()) x *= 3;
  }
  std::vector<std::span<const float>> spans(tripled.begin(), tripled.end());
  std::vector<double> chunks(spans.size());
  for (const json& c : schedule.at("clip_of_3_times_step1_gradients")) {
    const double norm =
        std::sqrt(optim::sum_of_squares(kernels::kReferenceGrad, spans, {}, chunks.data()));
    EXPECT_NEAR(norm, c["norm"].get<double>(), 1e-6);
    EXPECT_NEAR(optim::clip_factor(norm, c["max_grad_norm"]), c["factor"].get<double>(), 1e-6);
  }
}

// COST-EFF's fine-tuning loop: clipping, warm-up from a learning rate of 0, decay after the step.
void expect_loop(const std::string& dir) {
  for (const auto* const* table = kernels::all_tables(); *table; ++table) {
    SCOPED_TRACE((*table)->name);
    const json golden = read_json_file(dir + "/golden.json");
    Student s(dir, {*table, kernels::Precision::float32});
    std::vector<train::Rate> rates;
    for (const model::Parameter& p : s.model.parameters.list) {
      rates.push_back(
          {golden["base_lr"], train::decays(p) ? golden["weight_decay"].get<double>() : 0});
    }
    optim::AdamW adam;
    adam.variant = variant_of(golden["optimizer"], "HF AdamW", "torch AdamW");
    adam.beta1 = golden["betas"][0];
    adam.beta2 = golden["betas"][1];
    adam.eps = golden["eps"];
    train::Optimiser optimiser(s.weights.get(), adam, rates);
    const size_t rows_of_step = golden["batch_size"];
    for (size_t step = 0; step < golden["losses"].size(); ++step) {
      Rows rows = read_rows(dir, is_regression(s.model.arch), step * rows_of_step, rows_of_step);
      const int64_t count = rows.batch.rows();
      const train::Objective objective =
          objective_of(train::Aim::last, s.network->heads(), s.network->layers(), false, 0);
      s.network->reserve(rows.batch, 1);
      s.network->forward(rows.batch, {}, {});
      train::StepLosses losses;
      losses.begin(objective, step_size(count));
      losses.exits(*s.network, rows.gold(), {}, count);
      EXPECT_NEAR(losses.loss(), golden["losses"][step].get<double>(), 1e-5);
      s.weights->clear_gradients({});
      s.network->backward(rows.batch, {}, {}, {losses.gradients(), {}, false});
      const double factor = optim::linear_schedule(static_cast<int64_t>(step),
                                                   golden["warmup_steps"], golden["total_steps"]);
      const double norm = optimiser.step(factor, golden["max_grad_norm"], {});
      optimiser.catch_up({});
      const double wanted_norm = golden["grad_norms_before_clipping"][step];
      EXPECT_NEAR(norm, wanted_norm, 1e-4 * wanted_norm);
      const Values wanted =
          read_values(dir + "/weights_after_" + std::to_string(step + 1) + ".safetensors");
      size_t seen = 0;
      for (int64_t i = 0; i < s.weights->count(); ++i) {
        const auto id = static_cast<model::ParameterId>(i);
        const auto& value = (*s.weights)[id].value;
        if (value.empty()) continue;
        const std::string& name = s.model.parameters.tensor(id).name;
        const bool key_bias = name.find("self.key.bias") != std::string::npos;
        const auto& w = wanted.at(name);
        ++seen;
        for (size_t j = 0; j < w.size(); ++j)
          ASSERT_NEAR(value[j], w[j], key_bias ? 1e-4 : 2e-6) << name << " " << j;
      }
      EXPECT_EQ(seen, wanted.size());
    }
  }
}

void for_each_golden(GoldenForm form, void (*expect)(const std::string& dir)) {
  const std::vector<std::string> directories = golden_train_of(form);
  EXPECT_FALSE(directories.empty());
  for (const std::string& dir : directories) {
    SCOPED_TRACE(dir);
    expect(dir);
  }
}

TEST(OptimGolden, StepsOfEveryVariant) {
  for_each_golden(GoldenForm::optimiser, expect_steps_of_variants);
}

TEST(OptimGolden, ScheduleAndClipping) {
  for_each_golden(GoldenForm::optimiser, expect_schedule_and_clipping);
}

TEST(OptimGolden, Loops) { for_each_golden(GoldenForm::loop, expect_loop); }

}  // namespace
}  // namespace costeff
