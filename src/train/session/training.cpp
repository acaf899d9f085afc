#include "train/session/training.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>

#include "base/fail.h"
#include "base/files/atomic_replace.h"
#include "base/files/file_bytes.h"
#include "base/files/new_directory.h"
#include "checkpoint/containers/weights.h"
#include "checkpoint/dialects/save_model.h"
#include "train/session/evaluate.h"
#include "train/session/fingerprint.h"
#include "train/session/save.h"

namespace costeff::train {
namespace {

namespace fs = std::filesystem;

constexpr double kSaveEvery_s = 600;  // besides every evaluation

}  // namespace

Training::Training(Prepared* prepared, const std::string& out, const TrainObserver& observer,
                   const std::atomic<bool>* stop, const Guide* guide)
    : p_(*prepared),
      shop_(*prepared->shop),
      out_(without_slashes(out)),
      observer_(observer),
      stop_(stop),
      guide_(guide),
      store_(out_ + ".training") {}

void Training::say(const std::string& line) const {
  if (observer_.say) observer_.say(line);
}

double Training::seconds() const { return seconds_before_ + seconds_since(begin_); }

std::optional<TrainResult> Training::run() {
  begin_ = saved_ = Clock::now();
  { const NewDirectory can_be_made(out_); }
  const bool found = store_.open(p_.options.resume);
  try {
    state_.identity = run_identity(p_);
    if (guide_) state_.identity.update(guide_->identity);
    if (found) {
      state_ = store_.load(state_.identity);
      seconds_before_ = state_.seconds;
      if (state_.stage >= static_cast<int64_t>(p_.plan.stages.size()))
        fail_input("{}: stage {} is not one of this recipe", store_.directory(), state_.stage);
    }
    const Settings& settings = p_.opened.settings;
    if (settings.recipe->ramps_alone()) {
      shop_.pooled = compute_pooled(shop_.network.get(), &shop_.team, p_.rows.rows,
                                    p_.options.memory_budget, store_.directory(), stop_);
      if (!shop_.pooled) return std::nullopt;
      say(fmt::format("{} rows, computed once in {:.0f} s", p_.rows.rows.size(), seconds()));
    }
    for (bool resumed = found;; resumed = false) {
      Stage stage(state_.stage, p_.options, settings, &shop_, p_.rows.rows);
      if (resumed) {
        store_.load_weights(
            state_, shop_.weights.get(), &stage.optimiser,
            guide_ ? std::span<const StateSpan>(guide_->state) : std::span<const StateSpan>());
        shop_.team.run([&](const Crew& crew) { shop_.weights->pack(crew, true); });
        if (state_.step > stage.loop.steps_total())
          fail_input("{}: step {} of {}", store_.directory(), state_.step,
                     stage.loop.steps_total());
        stage.loop.go_to(state_.step);
        say(fmt::format("going on after step {} of {}, stage {}", state_.step,
                        stage.loop.steps_total(), stage.row.name));
      }
      if (guide_) {
        guide_->begin(&shop_, state_.step, stage.loop.steps_total());
        stage.loop.use(guide_->steps);
      }
      if (run_stage(&stage) == StageEnd::stopped) return std::nullopt;
      if (state_.stage + 1 == static_cast<int64_t>(p_.plan.stages.size())) break;
      hand_on_best(stage);
      ++state_.stage;
      state_.step = 0;
      state_.best = -1;
      state_.loss_sum = 0;
      state_.loss_steps = 0;
    }
    return finish();
  } catch (const Error& e) {
    if (state_.best_dir.empty()) {
      if (!store_.has_state()) store_.remove();
      throw;
    }
    fail(e.kind(), "{}; the best model so far is {}", e.what(), store_.path(state_.best_dir));
  }
}

bool Training::is_early_stop(const Stage& stage) const {
  if (p_.options.early_stop == 0 || state_.best < 0) return false;
  int64_t since = 0;
  for (size_t i = static_cast<size_t>(state_.best) + 1; i < state_.evaluations.size(); ++i)
    since += state_.evaluations[i].stage == stage.index;
  return since >= p_.options.early_stop;
}

// Each stage may use the time of its share of all steps.
bool Training::is_out_of_time(const Stage& stage) const {
  if (p_.options.time_limit_s == 0) return false;
  int64_t all = 0, until = 0;
  for (size_t i = 0; i < p_.plan.stages.size(); ++i) {
    all += p_.plan.stages[i].steps;
    if (static_cast<int64_t>(i) <= stage.index) until += p_.plan.stages[i].steps;
  }
  return seconds() >=
         p_.options.time_limit_s * static_cast<double>(until) / static_cast<double>(all);
}

bool Training::is_over(const Stage& stage) const {
  return stage.loop.done() || is_early_stop(stage) || (state_.step > 0 && is_out_of_time(stage));
}

Training::StageEnd Training::run_stage(Stage* stage) {
  const bool judged = stage->row.answers && !p_.dev.empty();
  int64_t evaluated_at = -1;
  for (const TrainEvaluation& e : state_.evaluations)
    if (e.stage == stage->index) evaluated_at = e.step;
  while (!is_over(*stage)) {
    if (stop_ && *stop_) {
      save(stage);
      return StageEnd::stopped;
    }
    const auto begin = Clock::now();
    const StepReport step = stage->step(&shop_);
    state_.step = step.step + 1;
    state_.loss_sum += step.loss;
    ++state_.loss_steps;
    ++steps_here_;
    report(*stage, step, seconds_since(begin));
    if (judged && (state_.step % p_.plan.eval_every == 0 || stage->loop.done())) {
      evaluate(stage);
      evaluated_at = state_.step;
      save(stage);
    } else if (seconds_since(saved_) >= kSaveEvery_s) {
      save(stage);
    }
  }
  end_ = stage->loop.done()      ? TrainEnd::finished
         : is_early_stop(*stage) ? TrainEnd::early_stop
                                 : TrainEnd::time_limit;
  const bool to_judge = judged && evaluated_at != state_.step;
  if (to_judge) evaluate(stage);
  // What was not judged is saved too: writing the model may fail.
  if (to_judge || !judged) save(stage);
  return StageEnd::over;
}

void Training::report(const Stage& stage, const StepReport& step, double seconds_of_step) {
  if (!observer_.step) return;
  int64_t left = stage.loop.steps_total() - state_.step;
  for (size_t i = static_cast<size_t>(stage.index) + 1; i < p_.plan.stages.size(); ++i)
    left += p_.plan.stages[i].steps;
  const TrainStage& planned = p_.plan.stages[static_cast<size_t>(stage.index)];
  TrainStep s;
  s.stage = stage.index;
  s.step = state_.step;
  s.steps = stage.loop.steps_total();
  s.epoch = planned.epochs * static_cast<double>(state_.step) / static_cast<double>(s.steps);
  s.loss = step.loss;
  s.norm = step.norm;
  s.learning_rate =
      (stage.row.trains == Trains::all ? planned.learning_rate : planned.head_learning_rate) *
      step.factor;
  s.rows = step.rows;
  s.tokens = step.tokens;
  s.seconds = seconds_of_step;
  s.seconds_left =
      seconds_since(begin_) / static_cast<double>(steps_here_) * static_cast<double>(left);
  observer_.step(s);
}

void Training::check_weights() const {
  const grad::TrainedWeights& weights = *shop_.weights;
  for (int64_t i = 0; i < weights.count(); ++i) {
    const auto id = static_cast<model::ParameterId>(i);
    const auto value = weights[id].value;
    if (weights[id].frozen || all_finite(value.data(), static_cast<int64_t>(value.size())))
      continue;
    fail_input("step {}: {} is not finite after it. A lower learning rate helps", state_.step,
               shop_.model.parameters.tensor(id).name);
  }
}

void Training::evaluate(Stage* stage) {
  stage->catch_up(&shop_);
  check_weights();
  TrainEvaluation e;
  e.stage = stage->index;
  e.step = state_.step;
  e.epoch = p_.plan.stages[static_cast<size_t>(stage->index)].epochs *
            static_cast<double>(state_.step) / static_cast<double>(stage->loop.steps_total());
  e.train_loss = state_.loss_steps > 0 ? state_.loss_sum / static_cast<double>(state_.loss_steps)
                                       : std::numeric_limits<double>::quiet_NaN();
  try {
    e.metric = judge(guide_ ? guide_->model() : shop_.model, p_.judging());
  } catch (const Error& error) {
    // What the engine says of a model's files: here they are live weights.
    if (error.kind() != ErrorKind::model) throw;
    fail_input("step {}: the evaluation after it failed: {}. A lower learning rate helps",
               state_.step, error.what());
  }
  // Off-ramps that are not trained yet say nothing.
  e.score = best_score(e.metric, stage->row.aim == Aim::last ? BestBy::last : p_.plan.best_by);
  const double before = state_.best < 0
                            ? std::numeric_limits<double>::quiet_NaN()
                            : state_.evaluations[static_cast<size_t>(state_.best)].score;
  e.best = state_.best < 0 || e.score > before || (std::isnan(before) && !std::isnan(e.score));
  if (guide_ && !guide_->may_be_best()) e.best = false;
  e.seconds = seconds();
  if (e.best) {
    const std::string name = fmt::format("best-{}-{}", stage->index, state_.step);
    write_model(name);
    state_.best = static_cast<int64_t>(state_.evaluations.size());
    state_.best_dir = name;
  }
  state_.evaluations.push_back(e);
  state_.loss_sum = 0;
  state_.loss_steps = 0;
  if (observer_.evaluation) observer_.evaluation(e);
  if (guide_) say(guide_->about());
}

void Training::save(Stage* stage) {
  stage->catch_up(&shop_);
  check_weights();
  state_.seconds = seconds();
  store_.save(state_, *shop_.weights, &stage->optimiser,
              guide_ ? std::span<const StateSpan>(guide_->state) : std::span<const StateSpan>());
  saved_ = Clock::now();
}

// The next stage begins with the best model of this one.
void Training::hand_on_best(const Stage& stage) {
  if (state_.best < 0) return;
  const TrainEvaluation& best = state_.evaluations[static_cast<size_t>(state_.best)];
  if (best.step == state_.step) return;
  say(fmt::format("stage {} goes on from step {}, the best of stage {}",
                  p_.plan.stages[static_cast<size_t>(stage.index) + 1].name, best.step,
                  stage.row.name));
  model::Model m = shop_.model;
  checkpoint::name_model(&m, p_.opened.backbone.config);
  const std::string file = join_path(store_.path(state_.best_dir), "model.safetensors");
  const TensorSet set = checkpoint::read_safetensors(file);
  for (const auto& [name, id] : checkpoint::saved_names(m)) {
    const auto value = (*shop_.weights)[id].value;
    const Tensor* t = set.find(name);
    // Positions that no token can have are not saved.
    if (!t || t->numel() > static_cast<int64_t>(value.size()))
      fail_input("{}: has no {} of {} floats, expected what was saved", file, name, value.size());
    set.take_float32(*t, value.data());
  }
  shop_.team.run([&](const Crew& crew) { shop_.weights->pack(crew, true); });
}

void Training::write_model(const std::string& name) const {
  std::error_code ignored;
  fs::remove_all(store_.path(name), ignored);  // of a part of the run that was not saved
  const checkpoint::Config& config = p_.opened.backbone.config;
  if (guide_) {
    save_model(guide_->model(), config, p_.path, store_.path(name), guide_->beside());
  } else {
    save_model(shop_.model, config, p_.path, store_.path(name));
  }
}

TrainResult Training::finish() {
  TrainResult result;
  result.end = end_;
  result.evaluations = state_.evaluations;
  result.best = state_.best;
  result.dialect = p_.plan.dialect;
  state_.seconds = seconds();
  if (state_.best < 0) {
    const std::string name = "best-final";
    write_model(name);
    state_.best_dir = name;
  }
  result.files = move_finished(store_.path(state_.best_dir), "training.json",
                               training_record(p_.path, p_.options, p_.plan, state_, result), out_);
  store_.remove();
  return result;
}

}  // namespace costeff::train
