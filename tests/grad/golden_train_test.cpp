// Losses and gradients of the references (golden_train). Every directory must be understood, and every
// file of gradients in it.

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "checkpoint/containers/weights.h"
#include "golden/golden_data.h"
#include "golden_form.h"
#include "golden_gradients.h"
#include "grad/network.h"
#include "shared_data.h"
#include "tiny_checkpoint.h"
#include "train/objective.h"
#include "training_rows.h"

namespace costeff {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

struct Case {
  std::string dir, variant;
};

// The file of a case's gradients: some variants say whose they are equal to.
std::string gradients_file(const Case& c, const json& wanted) {
  if (c.variant.empty()) return "grads.safetensors";
  const std::string same = wanted.value("grads", ""), equal = "equal to ";
  return (same.starts_with(equal) ? same.substr(equal.size()) : "grads_" + c.variant) +
         ".safetensors";
}

std::string unscaled_file(const Case& c) { return "grads_" + c.variant + "_unscaled.safetensors"; }

// The steps of a directory. Throws for gradients that none of them takes.
std::vector<Case> cases_of(const std::string& dir) {
  const json golden = read_json_file(dir + "/golden.json");
  std::vector<Case> cases;
  std::set<std::string> taken;
  const auto add = [&](const std::string& variant, const json& wanted) {
    const Case c{dir, variant};
    taken.insert({gradients_file(c, wanted), unscaled_file(c)});
    cases.push_back(c);
  };
  if (!golden.contains("variants")) add("", golden);
  const json variants = golden.value("variants", json::object());
  for (const auto& [variant, value] : variants.items()) add(variant, value);
  for (const auto& entry : fs::directory_iterator(dir)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("grads") && !taken.contains(name))
      throw std::runtime_error(entry.path().string() + ": gradients of no variant");
  }
  return cases;
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const std::string& dir : golden_train_of(GoldenForm::step)) {
    const std::vector<Case> more = cases_of(dir);
    cases.insert(cases.end(), more.begin(), more.end());
  }
  return cases;
}

struct Aimed {
  train::Aim aim;
  int64_t step = 0;
};

// From the dialect and the variant's name, as the collection's README names them. Throws for those that
// it does not name.
Aimed aim_of(const model::Model& m, const std::string& variant, bool teacher_has_ramps) {
  using train::Aim;
  if (variant.empty()) {
    if (m.provenance.dialect == "pabee") return {Aim::weighted};
    if (m.arch.heads.size() == 1) return {Aim::last};
    throw std::runtime_error("a loss of many exits without a name, of " + m.provenance.dialect);
  }
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

// Every directory has a form, and some have each form, which tests/prune and these find them by.
TEST(GoldenTrain, DirectoriesAreKnown) {
  std::map<GoldenForm, int64_t> directories;
  for (const GoldenDirectory& d : golden_train_directories(shared_path("golden_train")))
    ++directories[d.form];
  for (const auto form : {GoldenForm::step, GoldenForm::loop, GoldenForm::optimiser,
                          GoldenForm::cofi, GoldenForm::prune, GoldenForm::post_training})
    EXPECT_GT(directories[form], 0);
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
      Rows rows = read_rows(c.dir, is_regression(s.model.arch));
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
      const Aimed aimed =
          aim_of(s.model, c.variant, teacher && teacher->model.arch.heads.size() > 1);
      train::Objective objective =
          objective_of(aimed.aim, s.network->heads(), layers, is_regression(s.model.arch),
                       aimed.step, wanted.value("exit_start", 1), wanted.value("temperature", 1.0));
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
      double norm = 0;
      const std::string file = c.dir + "/" + gradients_file(c, wanted);
      expect_gradients(*s.weights, s.model, checkpoint::read_safetensors(file), p.precision, &norm);
      EXPECT_LE(distance_from(norm, wanted.at("grad_norm")), exact ? 1e-4 : 1e-2);
      const std::string unscaled = c.dir + "/" + unscaled_file(c);
      if (fs::exists(unscaled)) {
        backward(false);
        expect_gradients(*s.weights, s.model, checkpoint::read_safetensors(unscaled), p.precision,
                         &norm);
      }
    }
  }
}

// Directories under other names, and what nobody knows.
TEST(GoldenTrain, FormsAreFoundByContents) {
  const TempDir root;
  const auto copy = [&](const std::string& from, const std::string& name) {
    fs::copy(from, root.file(name), fs::copy_options::recursive);
    return root.file(name);
  };
  std::map<GoldenForm, int64_t> copied;
  int64_t number = 0;
  for (const GoldenDirectory& d : golden_train_directories(shared_path("golden_train"))) {
    copy(d.path, "prune" + std::to_string(number++));
    ++copied[d.form];
  }
  std::map<GoldenForm, int64_t> found;
  for (const GoldenDirectory& d : golden_train_directories(root.path())) ++found[d.form];
  EXPECT_EQ(found, copied);

  const std::string step = copy(golden_train_of(GoldenForm::step).front(), "step");
  fs::copy_file(step + "/model.safetensors", step + "/grads_new_loss.safetensors");
  EXPECT_THROW(cases_of(step), std::runtime_error);
  const model::Model m = checkpoint::load_model(step, true);
  for (const char* variant : {"new_loss", "stage3", "allx", "pred_repr2"})
    EXPECT_THROW(aim_of(m, variant, false), std::runtime_error) << variant;

  const std::string other = root.file("other");
  fs::create_directory(other);
  EXPECT_THROW(golden_train_directories(root.path()), std::runtime_error);
  write_file(other + "/golden.json", "{\"loss\": 1, \"what\": \"?\"}");
  EXPECT_THROW(golden_train_directories(root.path()), std::runtime_error);
}

}  // namespace
}  // namespace costeff
