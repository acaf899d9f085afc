#pragma once

// The directories of golden_train, by what they hold: names of directories mean nothing, so that any
// others of these forms are tested as well.

#include <algorithm>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "golden/golden_data.h"
#include "shared_data.h"

namespace costeff {

enum class GoldenForm {
  step,       // losses and gradients of one step, maybe under several losses (`variants`)
  loop,       // steps of a training loop, the weights after each
  optimiser,  // steps from given gradients
  // Of pruning: tests/prune.
  cofi,           // log-alphas and masks
  prune,          // prunings one after another, by Taylor's importance
  post_training,  // masks under a budget
};

// nullopt: no form that is known.
inline std::optional<GoldenForm> golden_form(const std::string& dir) {
  const auto has_file = [&](const char* name) { return std::filesystem::exists(dir + "/" + name); };
  if (!has_file("golden.json")) return std::nullopt;
  const nlohmann::json golden = read_json_file(dir + "/golden.json");
  const nlohmann::json variants = golden.value("variants", nlohmann::json::object());
  const auto all_have = [&](const char* key) {
    return !variants.empty() && std::all_of(variants.begin(), variants.end(),
                                            [&](const auto& v) { return v.contains(key); });
  };
  if (has_file("initial.safetensors") && has_file("gradients.safetensors"))
    return all_have("learning_rates") ? std::optional(GoldenForm::optimiser) : std::nullopt;
  if (!has_file("batch.json") || !has_file("model.safetensors")) return std::nullopt;
  if (has_file("l0.safetensors")) return GoldenForm::cofi;
  if (golden.contains("constraints")) return GoldenForm::post_training;
  if (golden.contains("steps") && has_file("importance1.safetensors")) return GoldenForm::prune;
  if (golden.contains("losses") && has_file("weights_after_1.safetensors")) return GoldenForm::loop;
  const bool one = variants.empty() && golden.contains("loss") && has_file("grads.safetensors");
  if (one || all_have("loss")) return GoldenForm::step;
  return std::nullopt;
}

// All directories of `root`, by name. Throws std::runtime_error for one without a known form.
struct GoldenDirectory {
  std::string path;
  GoldenForm form;
};
inline std::vector<GoldenDirectory> golden_train_directories(const std::string& root) {
  std::vector<GoldenDirectory> all;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    if (!entry.is_directory()) continue;
    const auto form = golden_form(entry.path());
    if (!form) throw std::runtime_error(entry.path().string() + ": no form that is known");
    all.push_back({entry.path(), *form});
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return all;
}

// Those of one form.
inline std::vector<std::string> golden_train_of(GoldenForm form) {
  std::vector<std::string> paths;
  for (const GoldenDirectory& d : golden_train_directories(shared_path("golden_train")))
    if (d.form == form) paths.push_back(d.path);
  return paths;
}

}  // namespace costeff
