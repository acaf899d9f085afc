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
#include "prune/mask_gradients.h"
#include "prune/search.h"
#include "prune/session/copy.h"
#include "prune/session/size.h"
#include "prune/tune.h"
#include "runtime/loaded_model.h"
#include "text/tokenizer.h"
#include "train/objective.h"
#include "train/session/data.h"
#include "train/session/evaluate.h"
#include "train/session/save.h"

namespace costeff {
namespace {

using train::Row;

constexpr int64_t kGradientRows = 32;  // of a batch whose gradient is squared
constexpr int64_t kFitTokens = 2048;   // of a batch that is fitted
constexpr int64_t kStep = 16;          // neurons
constexpr int64_t kUsualLength = 128;
constexpr double kRidge = 0.01, kLimit = 10;

// Layers of different widths are CoFi's compact form, whatever the model was before.
void set_slender_dialect(const std::string& path, const checkpoint::Config& config,
                         model::Model* m) {
  const model::Architecture& arch = m->arch;
  const bool roberta = arch.family == model::Family::roberta;
  if (arch.family != model::Family::bert && !roberta) {
    fail_model("{}: is {}, whose form has one width for all layers; expected a BERT or RoBERTa",
               path, m->provenance.dialect);
  }
  if (arch.embeddings.word_up) {
    fail_model(
        "{}: has a factorised word embedding, which no form with layers of different widths "
        "has; expected a model that is not slender yet",
        path);
  }
  m->provenance.dialect = roberta ? "cofi-compact-roberta" : "cofi-compact";
  if (arch.heads.size() == 1 && checkpoint::base_can_say(*m, arch.heads.back(), &config)) return;
  const std::string fault = checkpoint::why_not("costeff", *m, &config);
  if (!fault.empty()) fail_model("{}: {}", path, fault);
  checkpoint::set_dialect(m, "costeff");
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
    if (m.provenance.policy)
      plan.notes.push_back("exit_policy.json is left out: it was tuned for the whole model");
    const int64_t labels = m.arch.regression ? 0 : m.arch.num_labels;
    rows = train::encode_rows(m, tokenizer, drawn(given), max_length, labels);
    dev_rows = train::encode_rows(m, tokenizer, dev, max_length, labels);
    plan.rows = static_cast<int64_t>(rows.rows.size());
    plan.dev_rows = static_cast<int64_t>(dev.size());
    plan.tokens = rows.tokens;
    double squares = 0;
    for (const Row& row : rows.rows) squares += std::pow(static_cast<double>(row.ids.size()), 2);
    const auto count = static_cast<double>(plan.rows);
    length = {static_cast<double>(rows.tokens) / count, squares / count};
    plan.before = shape_of(m, prune::all_kept(m.arch));
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

  SlenderShape shape_of(const model::Model& m, const prune::Kept& units) const {
    SlenderShape shape;
    for (size_t l = 0; l < units.heads.size(); ++l) {
      shape.heads.push_back(prune::count(units.heads[l]));
      shape.neurons.push_back(prune::count(units.neurons[l]));
    }
    const auto of = [&](const prune::UnitMeasure& measure) {
      return measure.rest + prune::cost_of(units, measure.units);
    };
    shape.macs = of(prune::macs_of(m, length));
    shape.parameters = std::llround(of(prune::parameters_of(m)));
    shape.bytes = shape.parameters * static_cast<int64_t>(sizeof(float));
    const prune::UnitMeasure prunable = prune::prunable_of(m.arch);
    const double all = prunable.rest + prune::cost_of(prune::all_kept(m.arch), prunable.units);
    shape.sparsity = 1 - prune::cost_of(units, prunable.units) / all;
    return shape;
  }

  prune::UnitMeasure measure_of_target() const {
    const model::Model& m = whole.backbone.model;
    if (options.target.of == SlenderSize::parameters) return prune::parameters_of(m);
    if (options.target.of == SlenderSize::sparsity) return prune::prunable_of(m.arch);
    return prune::macs_of(m, length);
  }
  bool compute_gradients(const SlenderizeProgress& progress, const std::atomic<bool>* stop);
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
  std::vector<prune::MaskGradients> gradients;
  std::optional<prune::Kept> kept;
  SlenderizePlan plan;
};

bool Slenderizer::Impl::compute_gradients(const SlenderizeProgress& progress,
                                          const std::atomic<bool>* stop) {
  const model::Architecture& arch = whole.backbone.model.arch;
  const int64_t all = (plan.rows + kGradientRows - 1) / kGradientRows;
  gradients = prune::empty_gradients(arch, all);
  grad::Network network(whole.weights.get());
  const train::Objective objective =
      objective_of(train::Aim::joint, network.heads(), network.layers(), arch.regression, 0);
  train::StepLosses losses;
  std::vector<int32_t> labels;
  std::vector<float> scores;
  for (int64_t b = 0; b < all; ++b) {
    if (stop && *stop) return false;
    const auto from = static_cast<size_t>(b * kGradientRows);
    const auto count = std::min(static_cast<size_t>(kGradientRows), rows.rows.size() - from);
    const std::span<const Row> some(rows.rows.data() + from, count);
    const grad::Batch batch = train::batch_of(some, arch);
    labels.clear();
    scores.clear();
    for (const Row& row : some) {
      labels.push_back(row.label);
      scores.push_back(row.score);
    }
    network.reserve(batch, team->size());
    losses.begin(objective, {batch.rows(), static_cast<double>(batch.rows())});
    team->run([&](const Crew& crew) {
      whole.weights->clear_gradients(crew);
      network.forward(batch, {}, crew);
      if (crew.leads()) losses.exits(network, {labels, scores, {}, 0}, {}, batch.rows());
      crew.meet();
      network.backward(batch, {}, crew, {losses.gradients(), {}, false});
      prune::read_gradients(*whole.weights, b, crew, &gradients);
    });
    losses.end_batch();
    if (!std::isfinite(losses.loss()))
      fail_input("the loss of rows {} to {} is not finite", from + 1, from + count);
    if (progress) progress("gradients", b + 1, all);
  }
  return true;
}

bool Slenderizer::Impl::decide(const SlenderizeProgress& progress, const std::atomic<bool>* stop) {
  if (kept) return true;
  const model::Model& m = whole.backbone.model;
  const prune::Kept all = prune::all_kept(m.arch);
  const prune::UnitMeasure measure = measure_of_target();
  const prune::CostTable table = prune::linear_costs(all, measure.units, options.round ? kStep : 1);
  const double budget = prune::units_budget(options.target, table, measure.rest);
  if (!compute_gradients(progress, stop)) return false;
  prune::Kept units = prune::search(prune::fisher_scores(gradients), table, budget);
  prune::rearrange(gradients, &units);
  kept = std::move(units);
  plan.after = shape_of(m, *kept);
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
