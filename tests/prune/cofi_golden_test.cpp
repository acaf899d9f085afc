// A step of CoFi's pruning beside the reference (golden_train's directories of that form): masks, losses,
// gradients of weights, of log alphas and of the multipliers.

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>

#include "checkpoint/containers/weights.h"
#include "golden_form.h"
#include "golden_gradients.h"
#include "prune/cofi/l0.h"
#include "train/layer_distil.h"

namespace costeff {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

// What a file calls the vectors of masks.
struct MaskNames {
  const char *heads, *attention, *neurons, *ffn, *hidden;
};
constexpr MaskNames kMaskNames{"head_z", "head_layer_z", "intermediate_z", "mlp_z", "hidden_z"};
constexpr MaskNames kNoiseNames{"head", "head_layer", "intermediate", "mlp", "hidden"};
constexpr MaskNames kAlphaNames{"head_loga", "headlayer_loga", "int_loga", "intlayer_loga",
                                "hidden_loga"};

std::vector<float> flat(const TensorSet& set, const std::string& name) {
  const Tensor* t = set.find(name);
  if (!t) return {};
  std::vector<float> values(static_cast<size_t>(t->numel()));
  to_float32(*t, values.data());
  return values;
}

grad::Masks read_values(const std::string& file, const MaskNames& names, int64_t layers) {
  const TensorSet set = checkpoint::read_safetensors(file);
  const auto by_layer = [&](const char* name) {
    const std::vector<float> all = flat(set, name);
    const size_t size = all.size() / static_cast<size_t>(layers);
    std::vector<std::vector<float>> of(static_cast<size_t>(layers));
    for (size_t i = 0; i < all.size(); ++i) of[i / size].push_back(all[i]);
    return of;
  };
  return {.heads = by_layer(names.heads),
          .neurons = by_layer(names.neurons),
          .attention = flat(set, names.attention),
          .ffn = flat(set, names.ffn),
          .hidden = flat(set, names.hidden)};
}

// Every vector against the wanted one, within a share of the largest.
template <typename T>
void expect_values(const grad::MaskValues<T>& got, const grad::Masks& wanted, double tolerance,
                   double largest_of_all, const char* what) {
  std::vector<std::vector<float>> all;
  grad::each_vector(wanted, [&](const std::vector<float>& v) { all.push_back(v); });
  size_t at = 0;
  grad::each_vector(got, [&](const auto& v) {
    const std::vector<float>& w = all[at++];
    ASSERT_EQ(v.size(), w.size()) << what << " " << at;
    double largest = largest_of_all;
    for (const float x : w) largest = std::max(largest, std::fabs(static_cast<double>(x)));
    for (size_t i = 0; i < w.size(); ++i)
      EXPECT_NEAR(v[i], w[i], tolerance * largest) << what << " " << at << " [" << i << "]";
  });
}

double largest_of(const grad::Masks& values) {
  double largest = 0;
  grad::each_vector(values, [&](const std::vector<float>& v) {
    for (const float x : v) largest = std::max(largest, std::fabs(static_cast<double>(x)));
  });
  return largest;
}

// Rows as the reference saw them: padded to the longest of the batch.
Rows padded_rows(const std::string& dir) {
  const json batch = read_json_file(dir + "/batch.json");
  Rows rows;
  rows.batch.pad_token = batch.at("pad_id");
  size_t longest = 0;
  for (const json& row : batch.at("rows")) longest = std::max(longest, row["input_ids"].size());
  for (const json& row : batch.at("rows")) {
    const auto ids = row.at("input_ids").get<std::vector<int32_t>>();
    rows.batch.add_padded(ids, row.at("token_type_ids").get<std::vector<int32_t>>(),
                          static_cast<int64_t>(longest - ids.size()),
                          static_cast<uint32_t>(rows.labels.size()));
    rows.labels.push_back(row.at("label"));
  }
  return rows;
}

// A student that has the map of its layers, and its teacher.
struct Pair {
  model::Model model;
  model::Linear map;
  std::unique_ptr<grad::TrainedWeights> weights;
  std::unique_ptr<grad::Network> network;
  Student teacher;

  Pair(const std::string& dir, const Precise& p)
      : model(checkpoint::load_model(dir, true)),
        map(train::layer_transformation(&model, model.arch.hidden_size)),
        teacher(dir + "/teacher", p) {
    weights = std::make_unique<grad::TrainedWeights>(&model, *p.table, p.precision,
                                                     std::span<const model::Linear>(&map, 1));
    network = std::make_unique<grad::Network>(weights.get());
  }
  int64_t layers() const { return network->layers(); }
};

struct StepTerms {
  double divergence = 0, layers = 0;
};

// Forward and backward passes.
StepTerms run_step(Pair* pair, const Rows& rows, train::LayerDistillation* distil, double c_ce,
                   double c_layer, double temperature) {
  const grad::Batch& batch = rows.batch;
  pair->network->reserve(batch, 1);
  pair->teacher.network->reserve(batch, 1);
  distil->reserve(grad::shape_of(batch), 1);
  pair->network->forward(batch, {}, {});
  pair->teacher.network->forward(batch, {}, {});
  int64_t tokens = 0;
  for (const int32_t real : batch.real) tokens += real;
  distil->begin(tokens, c_layer);
  distil->measure(batch, *pair->network, *pair->teacher.network, {});
  distil->match();
  const int64_t labels = pair->model.arch.num_labels;
  std::vector<float> d(static_cast<size_t>(batch.rows() * labels), 0.0f);
  StepTerms terms;
  const double square = temperature * temperature;
  train::divergence_loss(pair->network->logits(0), pair->teacher.network->logits(0), batch.rows(),
                         labels, temperature, {c_ce * square, static_cast<double>(batch.rows())},
                         d.data(), &terms.divergence);
  terms.divergence *= square / static_cast<double>(batch.rows());
  terms.layers = distil->loss();
  pair->weights->clear_gradients({});
  const grad::HeadGradient at_exit{.logits = d.data()};
  pair->network->backward(batch, {}, {},
                          {{&at_exit, 1}, distil->gradient(batch, *pair->teacher.network)});
  return terms;
}

const std::map<std::string, train::Matching> kMatchings{
    {"v3", train::Matching::any},
    {"v4_by_layer", train::Matching::ordered},
    {"before_pruning", train::Matching::ordered}};

TEST(CofiGolden, LossesAndGradients) {
  const auto dirs = golden_train_of(GoldenForm::cofi);
  ASSERT_FALSE(dirs.empty());
  for (const std::string& dir : dirs) {
    const json golden = read_json_file(dir + "/golden.json");
    for (const auto& [variant, wanted] : golden.at("variants").items()) {
      if (variant == "v4") continue;  // the reference's exclusion by rank
      const train::Matching matching = kMatchings.at(variant);
      const bool masked = wanted.value("masks", true);
      for (const Precise& p : all_precise()) {
        // The tolerances are of float32. Of 12 layers in bfloat16 gradients are off by 5 %.
        if (p.precision != kernels::Precision::float32) continue;
        SCOPED_TRACE(dir + " " + variant + " " + p.table->name);
        Pair pair(dir, p);
        const prune::PrunableSize size(pair.model.arch);
        const grad::Masks alphas = read_values(dir + "/l0.safetensors", kAlphaNames, pair.layers());
        const grad::Masks noise =
            read_values(dir + "/noise.safetensors", kNoiseNames, pair.layers());
        if (masked) {
          const grad::Masks masks = prune::sample_masks(alphas, noise);
          expect_values(masks, read_values(dir + "/masks.safetensors", kMaskNames, pair.layers()),
                        1e-4, 0, "masks");
          pair.weights->mask(&masks);
          pair.weights->pack({});
        }
        train::LayerDistillation distil(pair.weights.get(), pair.map, matching, pair.layers());
        EXPECT_EQ(distil.teacher_layers(), golden.at("teacher_layers").get<std::vector<int64_t>>());
        const StepTerms terms =
            run_step(&pair, padded_rows(dir), &distil, golden.at("alpha_ce"),
                     golden.at("alpha_layer"), golden.at("distill_temperature"));
        const double tolerance = 1e-5;
        EXPECT_LE(distance_from(terms.divergence, wanted.at("ce_loss")), tolerance);
        EXPECT_LE(distance_from(terms.layers, wanted.at("layer_loss")), tolerance);
        EXPECT_EQ(distil.matched(), wanted.at("alignment").get<std::vector<int64_t>>());
        if (wanted.contains("layer_losses")) {
          for (size_t q = 0; q < distil.distances().size(); ++q)
            for (size_t j = 0; j < distil.distances()[q].size(); ++j)
              EXPECT_LE(distance_from(distil.distances()[q][j], wanted["layer_losses"][q][j]),
                        tolerance);
        }
        double loss = golden["alpha_ce"].get<double>() * terms.divergence +
                      golden["alpha_layer"].get<double>() * terms.layers;
        if (masked) {
          grad::MaskGradients d_masks, d_alphas;
          pair.weights->mask_gradients(&d_masks, {});
          d_alphas.assign(pair.model.arch, !alphas.hidden.empty(), 0);
          prune::add_mask_slopes(alphas, noise, d_masks, &d_alphas);
          const double target = wanted.value("target_sparsity", 0.393);
          const double off = prune::expected_sparsity(size, alphas, 0, nullptr) - target;
          const double l1 = golden.at("lambda_1"), l2 = golden.at("lambda_2");
          prune::expected_sparsity(size, alphas, l1 + 2 * l2 * off, &d_alphas);
          loss += l1 * off + l2 * off * off;
          if (wanted.contains("lagrangian_loss")) {
            EXPECT_LE(distance_from(off + target, wanted["expected_sparsity"]), 1e-5);
            EXPECT_NEAR(l1 * off + l2 * off * off, wanted["lagrangian_loss"], 1e-6);
          }
          const std::string file = dir + "/grads_l0_" + variant + ".safetensors";
          const grad::Masks slopes = read_values(file, kAlphaNames, pair.layers());
          expect_values(d_alphas, slopes, 1e-4, 1e-4 * largest_of(slopes), "log alphas");
          const TensorSet set = checkpoint::read_safetensors(file);
          EXPECT_NEAR(off, flat(set, "lambda_1").at(0), 1e-4 * std::fabs(off));
          EXPECT_NEAR(off * off, flat(set, "lambda_2").at(0), 1e-4 * off * off);
        }
        EXPECT_LE(distance_from(loss, wanted.at("loss")), tolerance);
        double norm = 0;
        expect_gradients(*pair.weights, pair.model,
                         checkpoint::read_safetensors(dir + "/grads_" + variant + ".safetensors"),
                         p.precision, &norm);
        EXPECT_LE(distance_from(norm, wanted.at("grad_norm")), 1e-4);
      }
    }
  }
}

TEST(CofiGolden, MasksOfEvaluation) {
  const auto dirs = golden_train_of(GoldenForm::cofi);
  ASSERT_FALSE(dirs.empty());
  for (const std::string& dir : dirs) {
    SCOPED_TRACE(dir);
    const json golden = read_json_file(dir + "/golden.json");
    const model::Model m = checkpoint::load_model(dir, true);
    const auto layers = static_cast<int64_t>(m.arch.layers.size());
    const prune::PrunableSize size(m.arch);
    const json& sizes = golden.at("sizes");
    EXPECT_EQ(size.head, sizes.at("params_per_head").get<int64_t>());
    EXPECT_EQ(size.neuron, sizes.at("params_per_intermediate_dim").get<int64_t>());
    EXPECT_EQ(size.all, sizes.at("prunable_model_size").get<double>());
    const grad::Masks masks =
        prune::evaluation_masks(read_values(dir + "/l0.safetensors", kAlphaNames, layers));
    expect_values(masks, read_values(dir + "/masks_deterministic.safetensors", kMaskNames, layers),
                  1e-4, 0, "masks");
    const json& counts = golden.at("deterministic");
    if (counts.contains("pruned_model_sparsity")) {
      EXPECT_NEAR(prune::sparsity_of(size, masks), counts["pruned_model_sparsity"], 1e-9);
    }
    // The two expectations that the collection gives of other log alphas.
    prune::LogAlphas top;
    top.assign(m.arch, !masks.hidden.empty(), std::log(100.0f));
    EXPECT_NEAR(prune::expected_sparsity(size, top, 0, nullptr),
                golden.at("expected_sparsity_all_loga_at_upper_limit"), 1e-6);
    for (auto& neurons : top.neurons) std::fill(neurons.begin(), neurons.end(), 0.0f);
    EXPECT_NEAR(prune::expected_sparsity(size, top, 0, nullptr),
                golden.at("expected_sparsity_at_the_start_of_pruning_without_noise"), 1e-4);
    prune::LogAlphas first = prune::first_log_alphas(m.arch, !masks.hidden.empty(), 57);
    prune::clamp_log_alphas(&first);
    EXPECT_NEAR(prune::expected_sparsity(size, first, 0, nullptr),
                golden.at("expected_sparsity_at_the_start_of_pruning_without_noise"), 2e-3);
  }
}

}  // namespace
}  // namespace costeff
