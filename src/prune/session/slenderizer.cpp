#include <costeff/slenderize.h>

#include <algorithm>
#include <cmath>

#include "base/fail.h"
#include "base/files/new_directory.h"
#include "base/threads/cpu_count.h"
#include "base/threads/team.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/dialects/dialect_choice.h"
#include "prune/fold.h"
#include "prune/search.h"
#include "prune/session/copy.h"
#include "prune/session/latency.h"
#include "prune/session/row_gradients.h"
#include "prune/session/shape.h"
#include "prune/session/size.h"
#include "prune/tune.h"
#include "runtime/loaded_model.h"
#include "text/tokenizer.h"
#include "train/session/data.h"
#include "train/session/evaluate.h"
#include "train/session/save.h"

namespace costeff {
namespace {

using train::Row;

constexpr int64_t kFitTokens = 2048;      // of a batch that is fitted
constexpr double kFitsByGradients = 1.2;  // how much longer fits take than gradients, about
constexpr int64_t kUsualLength = 128;
constexpr double kRidge = 0.01, kLimit = 10;

// Layers of different widths are CoFi's compact form, whatever the model was before.
void set_slender_dialect(const std::string& path, const checkpoint::Config& config,
                         model::Model* m) {
  const model::Architecture& arch = m->arch;
  m->provenance.dialect = prune::ragged_dialect(path, *m);
  if (arch.heads.size() == 1 && checkpoint::base_can_say(*m, arch.heads.back(), &config)) return;
  const std::string fault = checkpoint::why_not("costeff", *m, &config);
  if (!fault.empty()) fail_model("{}: {}", path, fault);
  checkpoint::set_dialect(m, "costeff");
}

// Units of no worth at all would all go.
void check_scores(const prune::Scores& scores) {
  for (const auto* kind : {&scores.heads, &scores.neurons}) {
    for (const auto& layer : *kind)
      if (std::any_of(layer.begin(), layer.end(), [](double s) { return s > 0; })) return;
  }
  throw_input("no head and no neuron changes the losses of these rows, expected other rows");
}

}  // namespace

struct Slenderizer::Impl {
  Impl(const std::string& model_path, const std::vector<TrainRow>& given,
       std::vector<TrainRow> dev_given, SlenderizeOptions slenderize_options)
      : path(model_path),
        options(std::move(slenderize_options)),
        dev(std::move(dev_given)),
        tokenizer(path),
        kernels(runtime::choose_table(options.isa)),
        whole(path, kernels, prune::needs_no_gradient) {
    prune::check_target(options.target);
    if (options.rows < 1) fail_usage("{} rows to look at, expected at least 1", options.rows);
    if (given.empty()) throw_input("no rows, expected some with labels");
    const model::Model& m = whole.backbone.model;
    train::check_vocabulary(tokenizer, m);
    const int64_t longest =
        std::min(m.arch.max_length, tokenizer.model_max_length().value_or(m.arch.max_length));
    max_length = options.max_length > 0 ? options.max_length : std::min(kUsualLength, longest);
    if (max_length < 3 || max_length > longest)
      fail_usage("max length {}, expected 3 to {}, the positions of this model", max_length,
                 longest);
    model::Model probe = m;
    set_slender_dialect(path, whole.backbone.config, &probe);
    plan.dialect = probe.provenance.dialect;
    plan.notes = m.provenance.warnings;
    if (options.without_labels)
      plan.notes.push_back("without labels: answers are drawn from the model's own");
    if (m.provenance.policy)
      plan.notes.push_back("exit_policy.json is left out: it was tuned for the whole model");
    rows = train::encode_rows(m, tokenizer, drawn(given), max_length);
    dev_rows = train::encode_rows(m, tokenizer, dev, max_length);
    plan.rows = static_cast<int64_t>(rows.rows.size());
    plan.dev_rows = static_cast<int64_t>(dev.size());
    plan.tokens = rows.tokens;
    length = prune::length_of(rows.rows);
    plan.before = prune::shape_of(m, length, m.arch);
    team = std::make_unique<Team>(options.threads > 0 ? options.threads : usable_cpus());
  }

  // So many of the rows, in an order that the seed decides.
  std::vector<TrainRow> drawn(const std::vector<TrainRow>& given) const {
    std::vector<int32_t> order(given.size());
    train::shuffle_rows(options.seed, 0, &order);
    order.resize(std::min(order.size(), static_cast<size_t>(options.rows)));
    std::vector<TrainRow> some;
    for (const int32_t i : order) some.push_back(given[static_cast<size_t>(i)]);
    return some;
  }

  // Of the units, and of what stays.
  struct Costs {
    prune::CostTable table;
    double rest = 0;
  };
  std::optional<Costs> costs_of_units(const SlenderizeProgress& progress,
                                      const std::atomic<bool>* stop);
  bool decide(const SlenderizeProgress& progress, const std::atomic<bool>* stop);
  std::vector<double> judged(const model::Model& m) const;
  std::optional<SlenderizeResult> run(const std::string& out, const SlenderizeProgress& progress,
                                      const std::atomic<bool>* stop);

  const std::string path;
  SlenderizeOptions options;
  std::vector<TrainRow> dev;
  text::Tokenizer tokenizer;
  const kernels::KernelTable& kernels;
  prune::Copy whole;
  int64_t max_length = 0;
  train::Encoded rows, dev_rows;
  prune::TextLength length;
  std::unique_ptr<Team> team;
  std::optional<prune::Kept> kept;
  SlenderizePlan plan;
};

// In the measure of the target. Null: stopped.
std::optional<Slenderizer::Impl::Costs> Slenderizer::Impl::costs_of_units(
    const SlenderizeProgress& progress, const std::atomic<bool>* stop) {
  const model::Model& m = whole.backbone.model;
  const int64_t step = options.round ? prune::kUnitStep : 1;
  if (options.target.of == SlenderSize::speedup) {
    const auto time = prune::measure_time(
        m, rows.rows,
        {.kernels = &kernels,
         .precision = runtime::precision_of(options.compute),
         .step = step,
         .team = team.get()},
        [&](int64_t done, int64_t all) {
          if (progress) progress("times", done, all);
        },
        [&] { return stop && *stop; });
    if (!time) return std::nullopt;
    return Costs{time->table, time->rest};
  }
  const prune::UnitMeasure measure =
      options.target.of == SlenderSize::parameters ? prune::parameters_of(m)
      : options.target.of == SlenderSize::sparsity ? prune::prunable_of(m.arch)
                                                   : prune::macs_of(m, length);
  return Costs{prune::linear_costs(prune::all_kept(m.arch), measure.units, step), measure.rest};
}

bool Slenderizer::Impl::decide(const SlenderizeProgress& progress, const std::atomic<bool>* stop) {
  if (kept) return true;
  const model::Model& m = whole.backbone.model;
  const auto costs = costs_of_units(progress, stop);
  if (!costs) return false;
  const double budget = prune::units_budget(options.target, costs->table, costs->rest);
  std::optional<uint64_t> drawn_seed;
  if (options.without_labels) drawn_seed = options.seed;
  const auto gradients = prune::gradients_of_rows(
      whole.weights.get(), rows.rows, drawn_seed, team.get(),
      [&](int64_t done, int64_t all) {
        if (progress) progress("gradients", done, all);
      },
      [&] { return stop && *stop; });
  if (!gradients) return false;
  const prune::Scores scores = prune::fisher_scores(gradients->layers);
  check_scores(scores);
  prune::Kept units = prune::search(scores, costs->table, budget);
  prune::rearrange(gradients->layers, &units);
  kept = std::move(units);
  plan.after = prune::shape_of(prune::fold(m, *kept), length, m.arch);
  plan.seconds_left = options.fit == SlenderFit::none ? 0 : gradients->seconds * kFitsByGradients;
  if (options.target.of == SlenderSize::speedup) {
    plan.speedup =
        (costs->rest + costs->table.full()) / (costs->rest + prune::cost_of(*kept, costs->table));
  }
  return true;
}

std::vector<double> Slenderizer::Impl::judged(const model::Model& m) const {
  if (dev.empty()) return {};
  return train::judge(m, {.kernels = &kernels,
                          .tokenizer = &tokenizer,
                          .gold = dev,
                          .rows = dev_rows.rows,
                          .metric = options.metric,
                          .threads = team->size()});
}

std::optional<SlenderizeResult> Slenderizer::Impl::run(const std::string& out,
                                                       const SlenderizeProgress& progress,
                                                       const std::atomic<bool>* stop) {
  { const NewDirectory can_be_made(out); }
  if (!decide(progress, stop)) return std::nullopt;
  SlenderizeResult result;
  result.metric_before = judged(whole.backbone.model);
  prune::Copy student(path, kernels, grad::all_frozen);
  if (options.fit != SlenderFit::none) {
    const model::Architecture& arch = student.backbone.model.arch;
    std::vector<grad::Batch> batches;
    for (std::span<const Row> left = rows.rows; !left.empty();) {
      const std::span<const Row> piece = train::first_rows(left, kFitTokens);
      batches.push_back(train::batch_of(piece, arch));
      left = left.subspan(piece.size());
    }
    const auto all = static_cast<int64_t>(2 * arch.layers.size());
    int64_t done = 0;
    const auto fitted = prune::tune(
        {whole.weights.get(), student.weights.get(), nullptr}, *kept,
        {.fit = options.fit == SlenderFit::refit ? prune::Fit::refit : prune::Fit::scales,
         .ridge = kRidge,
         .limit = kLimit},
        batches, team.get(),
        [&](int64_t, grad::Sublayer, const prune::ScaleEquations*) {
          if (progress) progress("fits", ++done, all);
        },
        [&] { return stop && *stop; });
    if (!fitted) return std::nullopt;
  }
  model::Model slender = prune::fold(student.backbone.model, *kept);
  set_slender_dialect(path, student.backbone.config, &slender);
  slender.provenance.policy.reset();
  result.metric_after = judged(slender);
  if (stop && *stop) return std::nullopt;
  result.files = train::save_model(slender, student.backbone.config, path, out);
  return result;
}

Slenderizer::Slenderizer(const std::string& model, std::vector<TrainRow> rows,
                         std::vector<TrainRow> dev, SlenderizeOptions options)
    : impl_(std::make_unique<Impl>(model, rows, std::move(dev), std::move(options))) {}
Slenderizer::~Slenderizer() = default;
Slenderizer::Slenderizer(Slenderizer&&) noexcept = default;
Slenderizer& Slenderizer::operator=(Slenderizer&&) noexcept = default;

const SlenderizePlan* Slenderizer::plan(const SlenderizeProgress& progress,
                                        const std::atomic<bool>* stop) {
  return impl_->decide(progress, stop) ? &impl_->plan : nullptr;
}

std::optional<SlenderizeResult> Slenderizer::run(const std::string& out,
                                                 const SlenderizeProgress& progress,
                                                 const std::atomic<bool>* stop) {
  return impl_->run(out, progress, stop);
}

}  // namespace costeff
