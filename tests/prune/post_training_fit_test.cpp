// Pruning without retraining, beside the references: what makes up for the units that go.

#include <filesystem>

#include "post_training_case.h"
#include "prune/fold.h"
#include "prune/tune.h"
#include "tiny_checkpoint.h"

namespace costeff {
namespace {

void expect_near(const std::vector<double>& got, const float* wanted, double tolerance,
                 const std::string& what) {
  for (size_t i = 0; i < got.size(); ++i)
    EXPECT_NEAR(got[i], static_cast<double>(wanted[i]), tolerance) << what << " " << i;
}

// Multiplies a unit's columns of an output matrix by row l of `scales`.
void scale_columns(model::Model* m, const model::Linear& output, const Array& scales, size_t l) {
  const std::span<float> values = own_floats(&m->parameters, output.weight);
  const auto units = static_cast<size_t>(scales.shape[1]), columns = static_cast<size_t>(output.in);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] *= scales.values[l * units + i % columns / (columns / units)];
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
      batches.push_back(read_rows(c.dir, is_regression(c.student.model.arch), at, size).batch);
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
