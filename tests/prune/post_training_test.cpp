// Pruning without retraining, beside the references (golden_train's directories of that form).

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "checkpoint/containers/weights.h"
#include "golden_form.h"
#include "prune/fold.h"
#include "prune/mask_gradients.h"
#include "prune/search.h"
#include "prune/tune.h"
#include "tiny_checkpoint.h"
#include "training_rows.h"

namespace costeff {
namespace {

using nlohmann::json;
using prune::Kept;

struct Array {
  std::vector<int64_t> shape;
  std::vector<float> values;
};
using Arrays = std::map<std::string, Array>;

Arrays read_arrays(const std::string& path) {
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
std::vector<std::vector<uint8_t>> mask_of(const Array& a) {
  std::vector<std::vector<uint8_t>> kept(static_cast<size_t>(a.shape[0]));
  const auto units = static_cast<size_t>(a.shape[1]);
  for (size_t l = 0; l < kept.size(); ++l)
    for (size_t i = 0; i < units; ++i) kept[l].push_back(a.values[l * units + i] != 0);
  return kept;
}
Kept kept_of(const Arrays& masks, const std::string& name) {
  return {mask_of(masks.at(name + "_head")), mask_of(masks.at(name + "_neuron"))};
}

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

void expect_near(const std::vector<double>& got, const float* wanted, double tolerance,
                 const std::string& what) {
  for (size_t i = 0; i < got.size(); ++i)
    EXPECT_NEAR(got[i], static_cast<double>(wanted[i]), tolerance) << what << " " << i;
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
                     student.model.arch.regression, 0);
    for (int64_t b = 0; b < batches; ++b) {
      Rows rows = read_rows(dir, student.model.arch.regression, static_cast<size_t>(b * batch_size),
                            static_cast<size_t>(batch_size));
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
void expect_logits(Student* student, const std::string& dir, const json& wanted, double tolerance) {
  Rows rows = read_rows(dir, student->model.arch.regression);
  student->network->reserve(rows.batch, 1);
  student->network->forward(rows.batch, {}, {});
  const auto labels = static_cast<size_t>(student->model.arch.num_labels);
  const float* got = student->network->logits(student->network->heads().size() - 1);
  for (size_t b = 0; b < wanted.size(); ++b)
    for (size_t k = 0; k < labels; ++k)
      EXPECT_NEAR(got[b * labels + k], wanted[b][k].get<double>(), tolerance) << b << " " << k;
}

// Of layer l, relative as the goldens' README says.
void expect_fisher(const std::vector<double>& got, const Array& wanted, size_t l) {
  const double largest = *std::max_element(wanted.values.begin(), wanted.values.end());
  for (size_t i = 0; i < got.size(); ++i) {
    const double w = wanted.values[l * got.size() + i];
    EXPECT_NEAR(got[i], w, 1e-4 * std::max(w, 1e-4 * largest)) << "layer " << l << " unit " << i;
  }
}

// Multiplies a unit's columns of an output matrix by row l of `scales`.
void scale_columns(model::Model* m, const model::Linear& output, const Array& scales, size_t l) {
  const std::span<float> values = own_floats(&m->parameters, output.weight);
  const auto units = static_cast<size_t>(scales.shape[1]), columns = static_cast<size_t>(output.in);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] *= scales.values[l * units + i % columns / (columns / units)];
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
    ASSERT_FALSE(arch.regression);
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

// Scales multiplied in and units cut out: the reference's tensors; and as a checkpoint, where what has
// no units has weights without elements, the answers of the masked model.
TEST_F(PostTraining, ShrunkModels) {
  for (const auto& c : cases_) {
    for (const auto& [constraint, wanted] : c->golden["constraints"].items()) {
      SCOPED_TRACE(c->dir + " " + constraint);
      const Arrays masks = read_arrays(c->dir + "/masks_" + constraint + ".safetensors");
      const Arrays shrunk = read_arrays(c->dir + "/shrunk_" + constraint + ".safetensors");
      model::Model m = checkpoint::load_model(c->dir);
      for (size_t l = 0; l < m.arch.layers.size(); ++l) {
        scale_columns(&m, m.arch.layers[l].attention->output, masks.at("tuned_head"), l);
        scale_columns(&m, m.arch.layers[l].ffn->out, masks.at("tuned_neuron"), l);
      }
      const model::Model folded = prune::fold(m, kept_of(masks, "tuned"));
      std::map<std::string, const Tensor*> have;
      model::for_each_parameter(
          folded, [&](const model::Parameter& p) { have[p.tensor.name] = &p.tensor; });
      for (const auto& [name, array] : shrunk) {
        if (array.values.empty()) {
          EXPECT_FALSE(have.contains(name)) << name;
          continue;
        }
        ASSERT_TRUE(have.contains(name)) << name;
        EXPECT_EQ(have[name]->shape, array.shape) << name;
        std::vector<float> values(array.values.size());
        to_float32(*have[name], values.data());
        for (size_t i = 0; i < values.size(); ++i)
          ASSERT_NEAR(values[i], array.values[i], 1e-6) << name << " " << i;
      }

      const TempDir dir;
      TinyTensors tensors;
      Arrays all = read_arrays(c->dir + "/model.safetensors");
      for (const auto& [name, array] : shrunk) all[name] = array;
      for (const auto& [name, array] : all) tensors[name] = {array.shape, array.values};
      write_safetensors(dir.file("model.safetensors"), tensors);
      std::filesystem::copy_file(c->dir + "/config.json", dir.file("config.json"));
      Student student(dir.path(), {kernels::find_table(""), kernels::Precision::float32});
      expect_logits(&student, c->dir, wanted["logits_tuned"], 1e-5);
    }
  }
}

// What is fitted, on the rows of the case.
struct Fitted {
  Student student, teacher;
  prune::Scores scales;

  Fitted(const Case& c, const Kept& kept, const prune::TuneOptions& options,
         const prune::TuneObserver& observer = nullptr)
      : student(c.dir, {kernels::find_table(""), kernels::Precision::float32}),
        teacher(c.dir, {kernels::find_table(""), kernels::Precision::float32}) {
    std::vector<grad::Batch> batches;
    const size_t rows = read_json_file(c.dir + "/batch.json").at("rows").size();
    const auto size = static_cast<size_t>(c.batch_size);
    for (size_t at = 0; at < rows; at += size)
      batches.push_back(read_rows(c.dir, c.student.model.arch.regression, at, size).batch);
    Team team(2);
    scales = *prune::tune({c.student.weights.get(), student.weights.get(), teacher.weights.get()},
                          kept, options, batches, &team, observer);
  }
  void expect_logits_near(const std::string& dir, const json& wanted) {
    expect_logits(&student, dir, wanted, 3e-4);
  }
  void expect_scales(const Arrays& masks, const std::string& name) const {
    const Array &heads = masks.at(name + "_head"), &neurons = masks.at(name + "_neuron");
    for (size_t l = 0; l < scales.heads.size(); ++l) {
      expect_near(scales.heads[l], heads.values.data() + l * scales.heads[l].size(), 3e-4,
                  name + " heads of layer " + std::to_string(l));
      expect_near(scales.neurons[l], neurons.values.data() + l * scales.neurons[l].size(), 3e-4,
                  name + " neurons of layer " + std::to_string(l));
    }
  }
};

TEST_F(PostTraining, ScalesOfTheReference) {
  for (const auto& c : cases_) {
    for (const auto& [constraint, wanted] : c->golden["constraints"].items()) {
      SCOPED_TRACE(c->dir + " " + constraint);
      const Arrays masks = read_arrays(c->dir + "/masks_" + constraint + ".safetensors");
      const Kept kept = kept_of(masks, "rearranged"), theirs = kept_of(masks, "teacher");
      prune::TuneOptions options{.fit = prune::Fit::reference_scales, .teacher = &theirs};
      const std::string normal = c->dir + "/normal_" + constraint + ".safetensors";
      const Arrays equations = std::filesystem::exists(normal) ? read_arrays(normal) : Arrays();
      size_t seen = 0;
      Fitted tuned(*c, kept, options,
                   [&](int64_t layer, grad::Sublayer sublayer, const prune::ScaleEquations* e) {
                     const std::string name =
                         "layer." + std::to_string(layer) +
                         (sublayer == grad::Sublayer::attention ? ".mha" : ".ffn");
                     if (!e || !equations.contains(name + ".N")) return;
                     ++seen;
                     const Array &n = equations.at(name + ".N"), &b = equations.at(name + ".b");
                     const double largest = e->n.cwiseAbs().maxCoeff();
                     const double of_b = e->b.cwiseAbs().maxCoeff();
                     const auto units = static_cast<int64_t>(b.values.size());
                     ASSERT_EQ(e->b.size(), units);
                     for (int64_t i = 0; i < units; ++i) {
                       EXPECT_NEAR(e->b[i], b.values[static_cast<size_t>(i)], 3e-5 * of_b);
                       for (int64_t j = 0; j < units; ++j)
                         EXPECT_NEAR(e->n(i, j), n.values[static_cast<size_t>(i * units + j)],
                                     3e-5 * largest)
                             << name;
                     }
                   });
      EXPECT_EQ(2 * seen, equations.size());
      tuned.expect_scales(masks, "tuned");
      tuned.expect_logits_near(c->dir, wanted["logits_tuned"]);
      if (!masks.contains("tuned_limit_head")) continue;
      options.limit = wanted["limit"]["value"];
      Fitted(*c, kept, options).expect_scales(masks, "tuned_limit");
    }
  }
}

TEST_F(PostTraining, ScalesAndMatricesByOurRules) {
  for (const auto& c : cases_) {
    for (const auto& [constraint, wanted] : c->golden["constraints"].items()) {
      SCOPED_TRACE(c->dir + " " + constraint);
      const Arrays masks = read_arrays(c->dir + "/masks_" + constraint + ".safetensors");
      const Kept kept = kept_of(masks, "rearranged");
      Fitted scaled(*c, kept, {.fit = prune::Fit::scales, .ridge = c->golden["full_ridge"]});
      scaled.expect_scales(masks, "tuned_full");
      scaled.expect_logits_near(c->dir, wanted["logits_tuned_full"]);
      Fitted refitted(*c, kept, {.fit = prune::Fit::refit, .ridge = c->golden["refit_ridge"]});
      refitted.expect_logits_near(c->dir, wanted["logits_refit"]);
      const Arrays matrices = read_arrays(c->dir + "/refit_" + constraint + ".safetensors");
      size_t seen = 0;
      for (int64_t i = 0; i < refitted.student.weights->count(); ++i) {
        const auto id = static_cast<model::ParameterId>(i);
        const auto found = matrices.find(refitted.student.model.parameters.tensor(id).name);
        if (found == matrices.end()) continue;
        ++seen;
        const Array& m = found->second;
        const auto& value = (*refitted.student.weights)[id].value;
        const model::Parameter& about = refitted.student.model.parameters[id];
        const auto layer = static_cast<size_t>(about.layer) - 1;
        const bool heads = about.role == model::Role::attention_out;
        const auto& units = heads ? kept.heads[layer] : kept.neurons[layer];
        const int64_t size = heads ? c->student.model.arch.head_size : 1;
        double largest = 0;
        for (const float x : m.values)
          largest = std::max(largest, std::abs(static_cast<double>(x)));
        const auto columns = static_cast<int64_t>(units.size()) * size;
        size_t next = 0;
        for (size_t at = 0; at < value.size(); ++at) {
          const int64_t unit = static_cast<int64_t>(at) % columns / size;
          if (about.part == model::Part::weight && !units[static_cast<size_t>(unit)]) {
            EXPECT_EQ(value[at], 0);
          } else {
            ASSERT_LT(next, m.values.size());
            EXPECT_NEAR(value[at], m.values[next++], 1e-4 * largest) << found->first;
          }
        }
        EXPECT_EQ(next, m.values.size());
      }
      EXPECT_EQ(seen, matrices.size());
    }
  }
}

}  // namespace
}  // namespace costeff
