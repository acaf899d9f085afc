#include "prune/cofi/cofi_pruning.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/fail.h"
#include "checkpoint/checkpoint.h"
#include "prune/cofi/mask_training.h"
#include "prune/fold.h"
#include "train/session/estimate.h"
#include "train/session/prepared.h"

namespace costeff::prune {
namespace {

TrainOptions pruning_options(const std::string& model, const CofiOptions& options) {
  TrainOptions o = options.train;
  o.recipe = "cofi-prune";
  o.exits.clear();
  o.dialect.clear();
  o.first_exit = 1;
  o.temperature = 1;
  if (o.teacher.empty()) o.teacher = model;
  return o;
}

void check_options(const CofiOptions& o) {
  const auto check = [](const char* what, double v, bool fits, const char* expected) {
    if (!std::isfinite(v) || !fits) fail_usage("{} {}, expected {}", what, v, expected);
  };
  check("sparsity", o.sparsity, o.sparsity > 0 && o.sparsity < 1, "more than 0, less than 1");
  check("warm-up of the sparsity", o.warmup, o.warmup >= 0 && o.warmup <= 1, "0 to 1");
  check("learning rate of masks", o.mask_rate, o.mask_rate > 0, "more than 0");
  check("learning rate of the Lagrangian", o.lambda_rate, o.lambda_rate > 0, "more than 0");
  if (o.first_steps < 0) fail_usage("steps without masks {}, expected 0 or more", o.first_steps);
}

MaskOptions mask_options(const CofiOptions& o, const TrainPlan& plan) {
  const int64_t steps = plan.stages.front().steps;
  MaskOptions m;
  m.sparsity = o.sparsity;
  m.hidden = o.hidden;
  m.first_steps = std::min(o.first_steps, steps / 10);
  m.warmup_steps = static_cast<int64_t>(o.warmup * static_cast<double>(steps - m.first_steps));
  m.rate = o.mask_rate;
  m.lambda_rate = o.lambda_rate;
  m.seed = o.train.seed;
  return m;
}

}  // namespace

struct CofiPruning::Impl {
  Impl(const std::string& path, const std::vector<TrainRow>& train, std::vector<TrainRow> dev,
       CofiOptions o)
      : options(std::move(o)),
        prepared(path, train, std::move(dev), pruning_options(path, options)),
        dialect(ragged_dialect(path, prepared.opened.backbone.model)),
        masks(prepared.opened.backbone.model.arch, mask_options(options, prepared.plan)),
        guide(masks.guide()) {
    prepared.plan.dialect = dialect;
    guide.model = [this, folded = guide.model] {
      model::Model m = folded();
      m.provenance.dialect = dialect;
      return m;
    };
  }

  CofiOptions options;
  train::Prepared prepared;
  std::string dialect;
  MaskTraining masks;
  train::Guide guide;
};

CofiPruning::CofiPruning(const std::string& model, std::vector<TrainRow> train,
                         std::vector<TrainRow> dev, CofiOptions options) {
  check_options(options);
  impl_ = std::make_unique<Impl>(model, train, std::move(dev), std::move(options));
}
CofiPruning::~CofiPruning() = default;

const TrainPlan& CofiPruning::plan() const { return impl_->prepared.plan; }

double CofiPruning::estimate_seconds() { return train::estimate_seconds(impl_->prepared); }

std::optional<CofiResult> CofiPruning::run(const std::string& out, const TrainObserver& observer,
                                           const std::atomic<bool>* stop) {
  const model::Architecture whole = impl_->prepared.opened.backbone.model.arch;
  auto training = train::Training(&impl_->prepared, out, observer, stop, &impl_->guide).run();
  if (!training) return std::nullopt;
  CofiResult result;
  result.sparsity = sparsity_between(whole, checkpoint::load_model(out).arch);
  result.reached = result.sparsity >= impl_->options.sparsity;
  result.training = std::move(*training);
  return result;
}

double sparsity_between(const model::Architecture& whole, const model::Architecture& slender) {
  const PrunableSize size(whole);
  double kept = 0;
  for (const model::Layer& layer : slender.layers) {
    const int64_t heads = layer.attention ? layer.attention->heads : 0;
    const int64_t neurons = layer.ffn ? layer.ffn->in.out : 0;
    kept += static_cast<double>(slender.hidden_size * (4 * whole.head_size * heads + 2 * neurons));
  }
  return 1 - kept / size.all;
}

}  // namespace costeff::prune
