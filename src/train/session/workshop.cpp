#include "train/session/workshop.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "base/fail.h"
#include "train/last_ramp.h"

namespace costeff::train {
namespace {

using model::is_backbone;
using model::ParameterId;

void add_ids(const model::Linear& l, std::unordered_set<ParameterId>* ids) {
  ids->insert(l.weight);
  if (l.bias != model::kNone) ids->insert(l.bias);
}

// The parameters of off-ramps that the last exit does not share.
std::unordered_set<ParameterId> ramp_parameters(const model::Architecture& arch) {
  std::unordered_set<ParameterId> ids, others;
  const auto layers = static_cast<int64_t>(arch.layers.size());
  for (const model::Head& head : arch.heads) {
    auto* to = is_ramp(head, layers) ? &ids : &others;
    if (head.pooler) add_ids(*head.pooler, to);
    add_ids(head.classifier, to);
    if (head.lte) add_ids(*head.lte, to);
  }
  for (const ParameterId id : others) ids.erase(id);
  return ids;
}

// Classes without names: 0, 1, 2 and so on.
bool are_numbers(const std::vector<std::string>& labels) {
  for (size_t i = 0; i < labels.size(); ++i)
    if (labels[i] != fmt::format("{}", i)) return false;
  return true;
}

optim::AdamW adam_of(const RecipeRow& recipe) {
  return {.variant = recipe.torch_adam ? optim::Variant::torch : optim::Variant::hugging_face};
}

bool is_frozen_by_flags(const TrainOptions& o, const model::Parameter& p) {
  if (!is_backbone(p)) return false;
  if (p.layer == 0) return o.freeze_embeddings;
  return std::find(o.freeze_layers.begin(), o.freeze_layers.end(), p.layer) !=
         o.freeze_layers.end();
}

}  // namespace

Workshop::Workshop(Opened* opened, const TrainOptions& options)
    : model(opened->backbone.model), team(opened->settings.threads) {
  const Settings& s = opened->settings;
  const bool ramps_alone = s.recipe->ramps_alone();
  if (!options.teacher.empty()) load_teacher(s, options);
  std::vector<model::Head> more;
  std::vector<model::Linear> maps;
  if (s.recipe->learns_to_exit() && model.arch.heads.front().lte) {
    more.push_back(last_ramp(&model));
    maps.push_back(*more.back().pooler);
  }
  if (s.recipe->matches_layers()) {
    layer_map = layer_transformation(&model, teacher_model->arch.hidden_size);
    maps.push_back(*layer_map);
  }
  weights = std::make_unique<grad::TrainedWeights>(&model, *s.kernels, s.precision, maps,
                                                   ramps_alone ? is_backbone : nullptr);
  network = std::make_unique<grad::Network>(weights.get(), more);
  if (layer_map)
    distillation.emplace(weights.get(), *layer_map, Matching::ordered, teacher->layers());
  freeze(options, ramps_alone);
}

void Workshop::load_teacher(const Settings& s, const TrainOptions& options) {
  teacher_model = checkpoint::load_model(options.teacher);
  if (teacher_model->arch.question_answering)
    fail_model("{}: answers questions, expected a classifier to learn from", options.teacher);
  const std::vector<std::string>& theirs = teacher_model->provenance.labels;
  if (!model::are_unnamed(theirs) && !are_numbers(options.labels) && theirs != options.labels) {
    fail_model("{}: its labels are {}, expected {} as the rows; --labels {} gives these its order",
               options.teacher, fmt::join(theirs, ", "), fmt::join(options.labels, ", "),
               fmt::join(theirs, ","));
  }
  teacher_weights = std::make_unique<grad::TrainedWeights>(
      &*teacher_model, *s.kernels, s.precision, std::span<const model::Linear>(), grad::all_frozen);
  teacher = std::make_unique<grad::Network>(teacher_weights.get());
}

void Workshop::freeze(const TrainOptions& options, bool ramps_alone) {
  const auto ramps = ramp_parameters(model.arch);
  for (const ParameterId id : model::parameters_in_use(model.arch)) {
    if ((*weights)[id].frozen) continue;
    if (ramps_alone ? !ramps.contains(id) : is_frozen_by_flags(options, model.parameters[id]))
      weights->freeze(id);
  }
}

std::vector<Rate> rates_of(const StageRow& row, const Settings& settings,
                           const model::Model& model) {
  const auto ramps = ramp_parameters(model.arch);
  std::vector<Rate> rates;
  for (size_t i = 0; i < model.parameters.list.size(); ++i) {
    const model::Parameter& p = model.parameters.list[i];
    const bool held =
        row.trains == Trains::ramps_unfrozen && !ramps.contains(static_cast<ParameterId>(i));
    rates.push_back(
        {.learning_rate = is_backbone(p) ? settings.learning_rate : settings.head_learning_rate,
         .decay = decays(p) ? settings.decay : 0,
         .held = held});
  }
  return rates;
}

int64_t trained_parameters(const StageRow& row, const TrainOptions& options,
                           const model::Model& model) {
  const auto ramps = ramp_parameters(model.arch);
  int64_t sum = 0;
  for (const ParameterId id : model::parameters_in_use(model.arch)) {
    const model::Parameter& p = model.parameters[id];
    const bool is_ramp_only = ramps.contains(id);
    bool trained = !is_frozen_by_flags(options, p);
    if (row.trains != Trains::all) trained = is_ramp_only;
    if (row.aim == Aim::last && is_ramp_only) trained = false;
    if (row.aim == Aim::hidden && !is_backbone(p)) trained = false;
    if (trained) sum += p.tensor.numel();
  }
  return sum;
}

Stage::Stage(int64_t stage, const TrainOptions& options, const Settings& settings, Workshop* shop,
             std::span<const Row> rows) try
    : index(stage),
      row(settings.recipe->stages[static_cast<size_t>(stage)]),
      optimiser(shop->weights.get(), adam_of(*settings.recipe),
                rates_of(row, settings, shop->model)),
      loop(shop->weights.get(), shop->network.get(), &optimiser, rows,
           loop_options(row, stage, options, settings), shop->teacher.get()) {
  if (shop->pooled) loop.use(&shop->pooled->states());
  if (shop->distillation) loop.use(&*shop->distillation);
  loop.make_room(shop->team.size());
} catch (const Error& e) {
  // A teacher that does not fit.
  if (e.kind() == ErrorKind::model) fail_model("{}: {}", options.teacher, e.what());
  throw;
}

}  // namespace costeff::train
