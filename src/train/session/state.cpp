#include "train/session/state.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <deque>
#include <filesystem>
#include <limits>

#include "base/fail.h"
#include "base/files/atomic_replace.h"
#include "base/json/json.h"
#include "checkpoint/containers/safetensors_writer.h"
#include "checkpoint/containers/weights.h"
#include "train/session/fingerprint.h"

namespace costeff::train {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStateFile = "state.json";
constexpr int64_t kFormat = 1;

std::string tensors_name(int64_t stage, int64_t step) {
  return fmt::format("state-{}-{}.safetensors", stage, step);
}

double number_of(const Json& j) {
  return j.is_number() ? j.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

// Calls f(name, values) for everything that a state file holds of a parameter.
template <typename F>
void for_each_span(const grad::TrainedWeights& w, Optimiser* optimiser,
                   std::span<const StateSpan> more, F f) {
  for (const StateSpan& s : more) f(s.name, s.values);
  for (int64_t i = 0; i < w.count(); ++i) {
    const auto id = static_cast<model::ParameterId>(i);
    const grad::TrainedParameter& p = w[id];
    if (p.value.empty() || p.frozen) continue;
    f(fmt::format("value.{}", i), p.value);
    Optimiser::State& s = optimiser->state(id);
    if (s.first.capacity() == 0) continue;
    f(fmt::format("first.{}", i), std::span<float>(s.first.data(), p.value.size()));
    f(fmt::format("second.{}", i), std::span<float>(s.second.data(), p.value.size()));
  }
}

}  // namespace

nlohmann::ordered_json evaluation_json(const TrainEvaluation& e) {
  using Ordered = nlohmann::ordered_json;
  // JSON has no NaN.
  const auto number = [](double v) { return std::isfinite(v) ? Ordered(v) : Ordered(); };
  Ordered metric = Ordered::array();
  for (const double m : e.metric) metric.push_back(number(m));
  return {{"stage", e.stage}, {"step", e.step},
          {"epoch", e.epoch}, {"train_loss", number(e.train_loss)},
          {"metric", metric}, {"score", number(e.score)},
          {"best", e.best},   {"seconds", e.seconds}};
}

TrainEvaluation evaluation_of(const Json& j) {
  TrainEvaluation e;
  e.stage = j.at("stage");
  e.step = j.at("step");
  e.epoch = j.at("epoch");
  e.train_loss = number_of(j.at("train_loss"));
  for (const Json& m : j.at("metric")) e.metric.push_back(number_of(m));
  e.score = number_of(j.at("score"));
  e.best = j.at("best");
  e.seconds = j.at("seconds");
  return e;
}

bool StateStore::has_state() const { return work_.has(kStateFile); }

RunState StateStore::load(const nlohmann::ordered_json& identity) const {
  const std::string file = path(kStateFile);
  const Json j = read_json_object(file, ErrorKind::input, 256u << 20);
  try {
    if (j.at("format") != kFormat) fail_input("{}: another version wrote it", file);
    RunState s;
    s.identity = identity;
    const std::string other = difference(j.at("run").get<nlohmann::ordered_json>(), identity);
    if (!other.empty())
      fail_input("{}: is of a run with {}, expected the same to go on", file, other);
    s.stage = j.at("stage");
    s.step = j.at("step");
    for (const Json& e : j.at("evaluations")) s.evaluations.push_back(evaluation_of(e));
    s.best = j.at("best");
    s.best_dir = j.at("best_dir");
    s.loss_sum = j.at("loss_sum");
    s.loss_steps = j.at("loss_steps");
    s.seconds = j.at("seconds");
    const auto evaluations = static_cast<int64_t>(s.evaluations.size());
    if (s.stage < 0 || s.step < 0 || s.best < -1 || s.best >= evaluations ||
        s.best_dir.find('/') != std::string::npos)
      fail_input("{}: numbers out of range", file);
    return s;
  } catch (const nlohmann::json::exception&) {
    fail_input("{}: is damaged, expected what a training run has saved", file);
  }
}

void StateStore::load_weights(const RunState& state, grad::TrainedWeights* weights,
                              Optimiser* optimiser, std::span<const StateSpan> more) const {
  const std::string file = path(tensors_name(state.stage, state.step));
  const TensorSet set = checkpoint::read_safetensors(file);
  for_each_span(*weights, optimiser, more, [&](const std::string& name, std::span<float> to) {
    const Tensor* t = set.find(name);
    if (!t || t->dtype != DType::f32 || t->numel() != static_cast<int64_t>(to.size()))
      fail_input("{}: has no {} of {} floats, expected what was saved", file, name, to.size());
    set.take_float32(*t, to.data());
  });
  const std::string json = path(kStateFile);
  const Json steps = read_json_object(json, ErrorKind::input, 256u << 20)["optimiser_steps"];
  if (!steps.is_array() || static_cast<int64_t>(steps.size()) != weights->count())
    fail_input("{}: optimiser_steps has another length", json);
  for (size_t i = 0; i < steps.size(); ++i) {
    if (!steps[i].is_number_integer()) fail_input("{}: optimiser_steps holds no integers", json);
    optimiser->state(static_cast<model::ParameterId>(i)).steps = steps[i];
  }
  set.check_unchanged();
}

void StateStore::save(const RunState& state, const grad::TrainedWeights& weights,
                      Optimiser* optimiser, std::span<const StateSpan> more) {
  const std::string name = tensors_name(state.stage, state.step), file = path(name);
  std::error_code ignored;
  std::deque<Tensor> views;
  std::vector<checkpoint::TensorToWrite> tensors;
  for_each_span(weights, optimiser, more, [&](const std::string& tensor, std::span<float> values) {
    Tensor& t = views.emplace_back();
    t.name = tensor;
    t.dtype = DType::f32;
    t.shape = {static_cast<int64_t>(values.size())};
    t.data = reinterpret_cast<const std::byte*>(values.data());
    tensors.push_back({tensor, &views.back(), DType::f32});
  });
  // A leftover of a save that did not come to its end; unless it is the state itself.
  const std::string temporary = file + ".new";
  fs::remove(temporary, ignored);
  try {
    checkpoint::write_safetensors(temporary, std::move(tensors));
    if (!rename_durably(temporary, file)) fail_output("{}: {}", file, std::strerror(errno));
  } catch (const Error&) {
    fs::remove(temporary, ignored);
    throw;
  }
  Json j{{"format", kFormat},
         {"run", state.identity},
         {"stage", state.stage},
         {"step", state.step},
         {"best", state.best},
         {"best_dir", state.best_dir},
         {"loss_sum", state.loss_sum},
         {"loss_steps", state.loss_steps},
         {"seconds", state.seconds},
         {"evaluations", Json::array()},
         {"optimiser_steps", Json::array()}};
  for (const TrainEvaluation& e : state.evaluations)
    j["evaluations"].push_back(Json(evaluation_json(e)));
  for (int64_t i = 0; i < weights.count(); ++i)
    j["optimiser_steps"].push_back(optimiser->state(static_cast<model::ParameterId>(i)).steps);
  work_.write(kStateFile, j.dump() + "\n");
  remove_all_but(name, state.best_dir);
}

void StateStore::remove_all_but(const std::string& tensors, const std::string& best) const {
  std::error_code ignored;
  std::vector<fs::path> old;
  for (const auto& entry : fs::directory_iterator(directory(), ignored)) {
    const std::string name = entry.path().filename();
    const bool ours = name.starts_with("state-") || name.starts_with("best-");
    if (ours && name != tensors && name != best) old.push_back(entry.path());
  }
  for (const fs::path& path : old) fs::remove_all(path, ignored);
}

}  // namespace costeff::train
