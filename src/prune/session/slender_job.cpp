#include "prune/session/slender_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/fail.h"
#include "base/files/file_bytes.h"
#include "base/split_mix.h"
#include "checkpoint/dialects/dialect_choice.h"
#include "prune/fold.h"
#include "prune/session/copy.h"
#include "prune/session/shape.h"
#include "train/session/estimate.h"
#include "train/session/fingerprint.h"

namespace costeff::prune {
namespace {

// Off-ramps that are new learn faster than layers that are not.
constexpr double kNewExitsRate = 10;
// Of the masks, in CoFi's scripts; and what is asked of them at most where there are fewer steps: the
// default of its code.
constexpr double kMaskRate = 0.01, kHighestMaskRate = 0.1;
// Of a step with a teacher at full width, what the student takes.
constexpr double kStudentShare = 0.75;

bool makes_exits(const SlenderStage& stage) { return stage.recipe == "assist"; }

std::vector<int64_t> ramps_of(const model::Architecture& arch) {
  std::vector<int64_t> layers;
  for (const model::Head& head : arch.heads)
    if (head.layer < static_cast<int64_t>(arch.layers.size())) layers.push_back(head.layer);
  return layers;
}

// A backbone has what the model has, or the distances of hidden states say nothing.
void check_same_shape(const model::Architecture& ours, const model::Architecture& theirs,
                      const std::string& path) {
  const auto text = [](const model::Architecture& a) {
    const model::Layer& layer = a.layers.front();
    return fmt::format("{} layers of {} with {} heads and {} neurons", a.layers.size(),
                       a.hidden_size, layer.attention ? layer.attention->heads : 0,
                       layer.ffn ? layer.ffn->in.out : 0);
  };
  if (text(ours) == text(theirs)) return;
  fail_model("{}: has {}, expected {} as the model", path, text(theirs), text(ours));
}

// What early layers know of a text is not gathered in its first token yet.
SlenderTrainOptions with_defaults(SlenderTrainOptions o) {
  if (o.method == SlenderMethod::cost_eff && o.train.pooling == ExitPooling::automatic)
    o.train.pooling = ExitPooling::mean;
  return o;
}

// The dialect that says the exits of `m` on a slender encoder.
std::string slender_dialect(model::Model m, const checkpoint::Config& config,
                            const std::string& path) {
  m.provenance.dialect = "cost-eff";  // the encoder's form
  const std::string fault = checkpoint::why_not("cost-eff", m, &config);
  if (fault.empty()) return "cost-eff";
  if (checkpoint::why_not("costeff", m, &config).empty()) return "costeff";
  fail_model("{}: {}", path, fault);
}

}  // namespace

SlenderJob::SlenderJob(std::string model, std::vector<TrainRow> train_rows,
                       std::vector<TrainRow> dev_rows, SlenderTrainOptions slender_options)
    : path(std::move(model)),
      rows(std::move(train_rows)),
      dev(std::move(dev_rows)),
      options(with_defaults(std::move(slender_options))) {
  if (!std::isfinite(options.epochs_scale) || options.epochs_scale <= 0)
    fail_usage("a scale of the epochs of {}, expected more than 0", options.epochs_scale);
  if (options.rows < 0) fail_usage("{} rows to look at, expected at least 1", options.rows);
  const checkpoint::Backbone given = checkpoint::load_backbone(path);
  const model::Architecture& arch = given.model.arch;
  if (arch.heads.empty()) {
    fail_model("{}: has no classifier, expected a fine-tuned model (costeff train makes one)",
               path);
  }
  check_family(path, given.model);
  if (options.method == SlenderMethod::cofi) {
    prepare_cofi(given);
  } else {
    prepare_costeff(given);
  }
  plan_stages();
}

void SlenderJob::prepare_costeff(const checkpoint::Backbone& given) {
  const model::Architecture& arch = given.model.arch;
  widths_of(arch, path);  // throws
  has_ramps_ = arch.heads.size() > 1;
  if (has_ramps_ && !options.backbone.empty())
    fail_usage("a backbone, and {} has off-ramps already: it is the assistant", path);
  if (has_ramps_ && !options.train.exits.empty())
    fail_usage("exits are given, and {} has off-ramps already, which stay", path);

  TrainOptions o = options.train;
  o.resume = false;
  o.recipe = has_ramps_ ? "states" : "assist";
  o.teacher = path;
  if (has_ramps_) o.exits = ramps_of(arch);
  first = std::make_unique<train::Prepared>(options.backbone.empty() ? path : options.backbone,
                                            rows, dev, o);
  const model::Model& student = has_ramps_ ? given.model : first->opened.backbone.model;
  const checkpoint::Config& config = has_ramps_ ? given.config : first->opened.backbone.config;
  exits_ = ramps_of(student.arch);
  dialect_ = slender_dialect(student, config, path);

  length_ = length_of(first->rows.rows);
  plan.before = shape_of(given.model, length_, arch);
  check_same_shape(arch, student.arch, first->path);
  const Widths from = widths_of(student.arch, first->path);
  const Widths to = choose_widths(student, plan.before, length_, measured_time(), options);
  stages = costeff_stages({.from = from,
                           .to = to,
                           .hidden = arch.hidden_size,
                           .rows = static_cast<int64_t>(rows.size()),
                           .all_heads = arch.hidden_size / arch.head_size,
                           .task = options.train.task,
                           .assistant = !has_ramps_},
                          options);
  plan.after = shape_with(student, to, length_);
  for (const SlenderStage& stage : stages)
    plan.shapes.push_back(shape_with(student, stage.widths, length_));
  plan.train = first->plan;
  plan.train.dialect = dialect_ == "costeff" ? "costeff-cost-eff" : dialect_;
  identity = {{"method", "cost-eff"}};
  identity.update(train::run_identity(*first));
  identity["heads"] = to.heads;
  identity["neurons"] = to.neurons;
  identity["rank"] = to.rank;
  identity["rows for a pruning"] = options.rows;
  identity["scale of the epochs"] = options.epochs_scale;
}

void SlenderJob::prepare_cofi(const checkpoint::Backbone& given) {
  if (options.heads > 0 || options.neurons > 0 || options.rank > 0)
    throw_usage("widths, expected a sparsity or a share: CoFi's layers find their own");
  if (!options.train.exits.empty())
    throw_usage("exits, and CoFi's result has one; costeff train --recipe ramps makes more on it");
  if (!std::isfinite(options.mask_rate) || options.mask_rate < 0)
    fail_usage("a learning rate of masks of {}, expected more than 0", options.mask_rate);
  TrainOptions o = options.train;
  o.resume = false;
  o.recipe = "cofi-prune";
  o.teacher = path;
  first = std::make_unique<train::Prepared>(options.backbone.empty() ? path : options.backbone,
                                            rows, dev, o);
  const model::Model& student = first->opened.backbone.model;
  check_same_shape(given.model.arch, student.arch, first->path);
  plan.train = first->plan;
  plan.train.dialect = ragged_dialect(path, student);
  model::Model slender = student;
  slender.provenance.dialect = plan.train.dialect;
  if (!checkpoint::base_can_say(slender, slender.arch.heads.back(),
                                &first->opened.backbone.config)) {
    fail_model(
        "{}: its last exit has a form of its own, expected that of {}: a pooler on the first "
        "token. "
        "--method fisher keeps others",
        path, plan.train.dialect);
  }
  if (given.model.arch.heads.size() > 1) {
    plan.train.notes.push_back(
        "the off-ramps are left out; costeff train --recipe ramps makes new ones on the result");
  }
  if (options.rows > 0) throw_usage("rows to look at, and CoFi's masks learn from all");
  if (!options.target) throw_usage("no size, expected --sparsity, --params or --macs");
  length_ = length_of(first->rows.rows);
  plan.before = shape_of(given.model, length_, given.model.arch);
  plan.sparsity = sparsity_for(given.model, plan.before, length_, measured_time(), *options.target);
  plan.after = thinned(given.model, plan.before, length_, plan.sparsity);
  stages = cofi_stages(static_cast<int64_t>(rows.size()), options);
  plan.shapes.assign(stages.size(), plan.after);
  identity = {{"method", "cofi"}};
  identity.update(train::run_identity(*first));
  identity["sparsity"] = plan.sparsity;
  identity["learning rate of masks"] = mask_rate();
  identity["scale of the epochs"] = options.epochs_scale;
}

// Of the model given. nullopt: nobody asks.
std::optional<MeasuredTime> SlenderJob::measured_time() const {
  if (!options.target || options.target->of != SlenderSize::speedup) return std::nullopt;
  const train::Settings& settings = first->opened.settings;
  Copy copy(path, *settings.kernels, grad::all_frozen);
  Team team(settings.threads);
  return measure_time(copy.backbone.model, first->rows.rows,
                      {.kernels = settings.kernels, .step = kUnitStep, .team = &team}, {}, {});
}

int64_t SlenderJob::steps_of(const SlenderStage& stage) const {
  train::LoopOptions loop;
  loop.epochs = stage.epochs;
  loop.batch = first->opened.settings.batch;
  loop.skip_short = true;
  if (!stage.recipe.empty()) {
    const train::RecipeRow& recipe = train::recipe_row(stage.recipe);
    loop.batch = options.train.batch.value_or(recipe.recipe.batch);
    loop.skip_short = recipe.skip_short;
  } else if (stage.kind == SlenderStage::Kind::masks) {
    loop.skip_short = false;
  }
  return train::steps_of_loop(static_cast<int64_t>(rows.size()), loop);
}

void SlenderJob::plan_stages() {
  plan.train.parameters = plan.after.parameters;
  plan.train.stages.clear();
  for (size_t i = 0; i < stages.size(); ++i) {
    const SlenderStage& stage = stages[i];
    TrainStage s;
    s.name = stage.name;
    s.what = stage.what;
    s.epochs = stage.epochs;
    s.steps = steps_of(stage);
    if (stage.kind != SlenderStage::Kind::importance) {
      const TrainOptions o = training_of(i, "");
      s.learning_rate = *o.learning_rate;
      s.head_learning_rate = *o.head_learning_rate;
      s.parameters = plan.shapes[i].parameters;
    }
    plan.train.stages.push_back(std::move(s));
  }
}

// Steps take time by the multiply-accumulates of their layers, the teacher's whole ones included.
double SlenderJob::estimate_seconds() const {
  double epochs = 0;
  for (size_t i = 0; i < stages.size(); ++i) {
    const SlenderShape& during =
        plan.shapes[i > 0 && stages[i].kind == SlenderStage::Kind::importance ? i - 1 : i];
    const double share = during.macs / plan.before.macs;
    epochs += stages[i].epochs * (1 - kStudentShare + kStudentShare * share);
  }
  return train::estimate_seconds(*first) / first->plan.stages.front().epochs * epochs;
}

uint64_t SlenderJob::seed_of(size_t stage) const {
  const uint64_t seed = options.train.seed;
  return stage == 0 ? seed : mix_bits(seed ^ (static_cast<uint64_t>(stage) << 40));
}

double SlenderJob::mask_rate() const {
  if (options.mask_rate > 0) return options.mask_rate;
  return std::clamp(kMaskRate / options.epochs_scale, kMaskRate, kHighestMaskRate);
}

CofiOptions SlenderJob::masks_of(size_t index, const std::string& stages_dir) const {
  CofiOptions o;
  o.train = training_of(index, stages_dir);
  o.sparsity = plan.sparsity;
  o.warmup = cofi_warmup(static_cast<int64_t>(rows.size()));
  o.mask_rate = mask_rate();
  o.lambda_rate = o.mask_rate;
  return o;
}

std::string SlenderJob::assistant(const std::string& stages_dir) const {
  const auto made = std::find_if(stages.begin(), stages.end(), makes_exits);
  return made == stages.end() ? path : join_path(stages_dir, made->directory);
}

std::string SlenderJob::begin_of(size_t stage, const std::string& stages_dir) const {
  if (stages[stage].from_backbone) return options.backbone;
  return stage == 0 ? path : join_path(stages_dir, stages[stage - 1].directory);
}

SlenderShape SlenderJob::shape_of_result(const std::string& dir) const {
  return shape_of(checkpoint::load_model(dir), length_, checkpoint::load_model(path).arch);
}

TrainOptions SlenderJob::training_of(size_t index, const std::string& stages_dir) const {
  const SlenderStage& stage = stages[index];
  TrainOptions o = options.train;
  o.recipe = stage.recipe;
  o.teacher = stage.teacher_is_model ? path : assistant(stages_dir);
  o.exits = exits_;
  // The assistant's is what its recipe says.
  o.dialect = stage.teacher_is_model ? std::string() : dialect_;
  o.epochs = stage.epochs;
  o.hidden_share = stage.hidden_share;
  const double rate = options.train.learning_rate.value_or(first->opened.settings.learning_rate);
  const double exits_rate =
      options.train.head_learning_rate.value_or(makes_exits(stage) ? kNewExitsRate * rate : rate);
  o.learning_rate = rate * stage.rate;
  o.head_learning_rate = exits_rate * stage.rate;
  o.seed = seed_of(index);
  if (stage.pruning > 0) {
    const int64_t steps = steps_of(stage);
    o.warmup =
        std::min(1.0, static_cast<double>(restored_warmup(steps)) / static_cast<double>(steps));
  }
  return o;
}

PruneStage SlenderJob::pruning_of(size_t index, const std::string& stages_dir) const {
  const train::Settings& settings = first->opened.settings;
  PruneStage s;
  s.student = begin_of(index, stages_dir);
  s.teacher = assistant(stages_dir);
  s.dialect = dialect_;
  s.rows = first->rows.rows;
  s.epochs = stages[index].epochs;
  s.batch = settings.batch;
  s.micro_batch = options.train.micro_batch;
  s.max_length = settings.max_length;
  s.first_exit = options.train.first_exit;
  s.temperature = options.train.temperature;
  s.seed = seed_of(index);
  s.widths = stages[index].widths;
  s.kernels = settings.kernels;
  return s;
}

}  // namespace costeff::prune
