#include "prune/session/slender_run.h"

#include <costeff/version.h>

#include <filesystem>

#include "base/fail.h"
#include "base/files/atomic_replace.h"
#include "base/files/file_bytes.h"
#include "base/files/new_directory.h"
#include "train/session/clock.h"
#include "train/session/evaluate.h"
#include "train/session/fingerprint.h"
#include "train/session/save.h"
#include "train/session/state.h"

namespace costeff::prune {
namespace {

namespace fs = std::filesystem;
using OrderedJson = nlohmann::ordered_json;

constexpr const char* kStagesFile = "stages.json";
constexpr const char* kRecordFile = "slenderize.json";
constexpr uint64_t kLargestJson = 256u << 20;

OrderedJson json_of(const SlenderShape& s) {
  return {{"heads", s.heads},
          {"neurons", s.neurons},
          {"rank", s.rank},
          {"parameters", s.parameters},
          {"macs", s.macs}};
}

}  // namespace

SlenderRun::SlenderRun(SlenderJob* job, const std::string& out, const TrainObserver& observer,
                       const std::atomic<bool>* stop)
    : job_(*job),
      out_(without_slashes(out)),
      observer_(observer),
      stop_(stop),
      work_(out_ + ".stages") {}

std::optional<SlenderTrainResult> SlenderRun::run() {
  { const NewDirectory can_be_made(out_); }
  work_.open(job_.options.train.resume);
  if (work_.has(kStagesFile)) load();
  // The weights of the first stage are its own from here on.
  job_.first->shop.reset();
  if (!job_.dev.empty() && state_.metric_before.empty()) {
    state_.metric_before = judge(checkpoint::load_model(job_.path), job_.first->judging());
  }
  save();
  for (size_t i = 0; i < job_.stages.size(); ++i)
    if (!work_.has(job_.stages[i].directory) && !run_stage(i)) return std::nullopt;
  return finish();
}

bool SlenderRun::run_stage(size_t index) {
  const std::string dir = work_.path(job_.stages[index].directory);
  switch (job_.stages[index].kind) {
    case SlenderStage::Kind::train:
      return train_stage(index, dir);
    case SlenderStage::Kind::importance:
      return prune_stage(index, dir);
    case SlenderStage::Kind::masks:
      return masks_stage(index, dir);
  }
  return false;
}

// What is left of the run goes by the steps.
void SlenderRun::report(size_t index, const TrainStep& step) const {
  if (!observer_.step) return;
  TrainStep s = step;
  s.stage = static_cast<int64_t>(index);
  int64_t later = 0;
  for (size_t i = index + 1; i < job_.stages.size(); ++i) later += job_.plan.train.stages[i].steps;
  if (s.steps > s.step)
    s.seconds_left *= 1 + static_cast<double>(later) / static_cast<double>(s.steps - s.step);
  observer_.step(s);
}

TrainObserver SlenderRun::observer_of(size_t index) const {
  TrainObserver observer;
  observer.step = [this, index](const TrainStep& step) { report(index, step); };
  observer.say = observer_.say;
  observer.evaluation = [this, index](const TrainEvaluation& evaluation) {
    TrainEvaluation e = evaluation;
    e.stage = static_cast<int64_t>(index);
    if (observer_.evaluation) observer_.evaluation(e);
  };
  return observer;
}

bool SlenderRun::train_stage(size_t index, const std::string& dir) {
  TrainOptions options = job_.training_of(index, work_.directory());
  options.resume = file_exists(dir + ".training");
  Trainer trainer(job_.begin_of(index, work_.directory()), job_.rows, job_.dev, options);
  return trainer.run(dir, observer_of(index), stop_).has_value();
}

bool SlenderRun::masks_stage(size_t index, const std::string& dir) {
  CofiOptions options = job_.masks_of(index, work_.directory());
  options.train.resume = file_exists(dir + ".training");
  CofiPruning pruning(job_.begin_of(index, work_.directory()), job_.rows, job_.dev, options);
  return pruning.run(dir, observer_of(index), stop_).has_value();
}

bool SlenderRun::prune_stage(size_t index, const std::string& dir) {
  const auto begin = train::Clock::now();
  auto before = begin;
  const int64_t steps = job_.plan.train.stages[index].steps;
  const PruneStage stage = job_.pruning_of(index, work_.directory());
  Team team(job_.first->opened.settings.threads);
  const auto pruned = prune_once(
      stage, &team,
      [&](const train::StepReport& step) {
        TrainStep s;
        s.step = step.step + 1;
        s.steps = steps;
        s.epoch =
            job_.stages[index].epochs * static_cast<double>(s.step) / static_cast<double>(steps);
        s.loss = step.loss;
        s.rows = step.rows;
        s.tokens = step.tokens;
        s.seconds = train::seconds_since(before);
        s.seconds_left = train::seconds_since(begin) / static_cast<double>(s.step) *
                         static_cast<double>(steps - s.step);
        before = train::Clock::now();
        report(index, s);
      },
      stop_);
  if (!pruned) return false;
  const auto k = static_cast<size_t>(job_.stages[index].pruning);
  const auto follow = [&](std::vector<std::vector<std::vector<int64_t>>>* all,
                          const std::vector<std::vector<uint8_t>>& kept) {
    // A pruning that was decided and not written is decided again.
    all->resize(k - 1);
    std::vector<std::vector<int64_t>> numbers;
    if (!all->empty()) numbers = all->back();
    follow_units(kept, &numbers);
    all->push_back(std::move(numbers));
  };
  follow(&state_.heads, pruned->kept.heads);
  follow(&state_.neurons, pruned->kept.neurons);
  state_.seconds += train::seconds_since(begin);
  save();
  train::save_model(pruned->model, pruned->config, stage.student, dir);
  return true;
}

void SlenderRun::load() {
  const std::string file = work_.path(kStagesFile);
  const Json j = read_json_object(file, ErrorKind::input, kLargestJson);
  try {
    const std::string other = train::difference(j.at("run").get<OrderedJson>(), job_.identity);
    if (!other.empty())
      fail_input("{}: is of a run with {}, expected the same to go on", file, other);
    state_.heads = j.at("heads");
    state_.neurons = j.at("neurons");
    state_.metric_before = j.at("metric_before").get<std::vector<double>>();
    state_.seconds = j.at("seconds");
  } catch (const nlohmann::json::exception&) {
    fail_input("{}: is damaged, expected what a run of slenderize has saved", file);
  }
  for (const SlenderStage& stage : job_.stages) {
    if (work_.has(stage.directory)) continue;
    if (observer_.say) observer_.say(fmt::format("going on with stage {}", stage.name));
    break;
  }
}

void SlenderRun::save() {
  const OrderedJson j{{"run", job_.identity},
                      {"heads", state_.heads},
                      {"neurons", state_.neurons},
                      {"metric_before", state_.metric_before},
                      {"seconds", state_.seconds}};
  work_.write(kStagesFile, j.dump() + "\n");
}

std::string SlenderRun::record(const SlenderTrainResult& result) const {
  OrderedJson j;
  j["version"] = kVersion;
  j["model"] = fs::path(job_.path).lexically_normal().filename().string();
  if (!job_.options.backbone.empty())
    j["backbone"] = fs::path(job_.options.backbone).lexically_normal().filename().string();
  j["method"] = job_.identity["method"];
  j["before"] = json_of(job_.plan.before);
  j["after"] = json_of(result.after);
  if (!state_.heads.empty()) {
    // By the numbers that heads and neurons have in the model.
    j["kept_heads"] = state_.heads.back();
    j["kept_neurons"] = state_.neurons.back();
  }
  j["stages"] = OrderedJson::array();
  for (size_t i = 0; i < job_.stages.size(); ++i) {
    const TrainStage& s = job_.plan.train.stages[i];
    j["stages"].push_back({{"name", s.name},
                           {"epochs", s.epochs},
                           {"steps", s.steps},
                           {"learning_rate", s.learning_rate}});
  }
  j["fingerprint"] = train::fingerprint(job_.identity);
  j["seconds"] = result.seconds;
  j["evaluations"] = OrderedJson::array();
  for (const TrainEvaluation& e : result.evaluations)
    j["evaluations"].push_back(train::evaluation_json(e));
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

SlenderTrainResult SlenderRun::finish() {
  SlenderTrainResult result;
  result.metric_before = state_.metric_before;
  result.seconds = state_.seconds;
  for (size_t i = 0; i < job_.stages.size(); ++i) {
    if (job_.stages[i].kind == SlenderStage::Kind::importance) continue;
    const std::string file = join_path(work_.path(job_.stages[i].directory), "training.json");
    const Json j = read_json_object(file, ErrorKind::input, kLargestJson);
    try {
      for (const Json& e : j.at("evaluations")) {
        result.evaluations.push_back(train::evaluation_of(e));
        result.evaluations.back().stage = static_cast<int64_t>(i);
        if (i + 1 == job_.stages.size() && result.evaluations.back().best)
          result.metric_after = result.evaluations.back().metric;
      }
      result.seconds += j.at("seconds").get<double>();
    } catch (const nlohmann::json::exception&) {
      fail_input("{}: is damaged, expected what a stage has saved", file);
    }
  }
  const std::string last = work_.path(job_.stages.back().directory);
  result.after = job_.shape_of_result(last);
  result.files = train::move_finished(last, kRecordFile, record(result), out_);
  if (!job_.options.keep_stages) work_.remove();
  return result;
}

}  // namespace costeff::prune
