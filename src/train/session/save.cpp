#include "train/session/save.h"

#include <costeff/version.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/fail.h"
#include "base/files/atomic_replace.h"
#include "base/files/file_bytes.h"
#include "base/files/file_writer.h"
#include "base/files/new_directory.h"
#include "base/json/json.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/dialects/save_model.h"
#include "runtime/convert/tokenizer_files.h"
#include "train/session/fingerprint.h"
#include "train/session/state.h"

namespace costeff::train {
namespace {

using OrderedJson = nlohmann::ordered_json;

Json options_json(const TrainOptions& o, const TrainPlan& plan) {
  Json j{{"recipe", o.recipe},
         {"batch", plan.batch},
         {"clip", o.clip},
         {"dropout", o.dropout.value_or(0.1)},
         {"attention_dropout", o.attention_dropout.value_or(0.1)},
         {"label_smoothing", o.label_smoothing},
         {"seed", o.seed},
         {"max_length", plan.max_length},
         {"eval_every", plan.eval_every},
         {"best_by", best_by_name(plan.best_by)},
         {"metric", o.metric_name},
         {"compute", o.compute == ComputeType::bfloat16 ? "bfloat16" : "float32"}};
  if (!o.teacher.empty())
    j["teacher"] = std::filesystem::path(o.teacher).lexically_normal().filename().string();
  if (o.doc_stride >= 0) j["doc_stride"] = o.doc_stride;
  if (!o.class_weights.empty()) j["class_weights"] = o.class_weights;
  if (!o.pos_weights.empty()) j["pos_weights"] = o.pos_weights;
  if (o.freeze_embeddings) j["freeze_embeddings"] = true;
  if (!o.freeze_layers.empty()) j["freeze_layers"] = o.freeze_layers;
  if (o.temperature != 1) j["temperature"] = o.temperature;
  if (o.first_exit != 1) j["first_exit"] = o.first_exit;
  return j;
}

}  // namespace

std::vector<std::string> save_model(const model::Model& model, const checkpoint::Config& config,
                                    const std::string& backbone, const std::string& dir,
                                    std::vector<Tensor> beside) {
  // Naming the parameters changes the model, and cuts off positions that it cannot use.
  model::Model m = model;
  NewDirectory directory(dir);
  checkpoint::SavedModel saved = checkpoint::name_model(&m, config);
  saved.beside = std::move(beside);
  checkpoint::record_source(&saved, m, {"training", m.provenance.dialect, "F32"}, std::nullopt);
  checkpoint::write_model(saved, m, std::nullopt, directory.path(), nullptr);
  std::vector<std::string> files{"config.json", "model.safetensors"};
  runtime::copy_tokenizer_files(backbone, directory.path(), &files);
  const model::Model read = checkpoint::load_model(directory.path());
  if (read.provenance.dialect != saved.dialect) {
    fail(ErrorKind::internal, "what was written reads as {}, expected {}", read.provenance.dialect,
         saved.dialect);
  }
  directory.commit();
  return files;
}

std::vector<std::string> move_finished(const std::string& dir, const std::string& record_name,
                                       const std::string& record, const std::string& out) {
  const std::string path = join_path(dir, record_name);
  std::error_code ignored;
  std::filesystem::remove(path, ignored);  // of a finish that did not come to its end
  FileWriter file(path);
  file.write(record);
  file.finish();
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(dir, ignored))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  sync_directory(dir);
  if (!rename_durably(dir, follow_links(out)))
    fail_output("{}: cannot be moved to {}: {}", dir, out, std::strerror(errno));
  return names;
}

std::string training_record(const std::string& backbone, const TrainOptions& options,
                            const TrainPlan& plan, const RunState& state,
                            const TrainResult& result) {
  OrderedJson j;
  j["version"] = kVersion;
  j["backbone"] = std::filesystem::path(backbone).lexically_normal().filename().string();
  j["dialect"] = plan.dialect;
  j["exits"] = plan.exits;
  j["options"] = options_json(options, plan);
  if (!options.record.empty()) j["data"] = Json::parse(options.record, nullptr, false);
  j["rows"] = {{"train", plan.rows}, {"dev", plan.dev_rows}, {"tokens", plan.tokens}};
  j["stages"] = OrderedJson::array();
  for (const TrainStage& s : plan.stages) {
    j["stages"].push_back({{"name", s.name},
                           {"epochs", s.epochs},
                           {"steps", s.steps},
                           {"learning_rate", s.learning_rate},
                           {"head_learning_rate", s.head_learning_rate},
                           {"parameters", s.parameters}});
  }
  j["fingerprint"] = fingerprint(state.identity);
  j["end"] = train_end_name(result.end);
  j["seconds"] = state.seconds;
  j["best"] = result.best < 0 ? OrderedJson() : OrderedJson(result.best);
  j["evaluations"] = OrderedJson::array();
  for (const TrainEvaluation& e : result.evaluations)
    j["evaluations"].push_back(evaluation_json(e));
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace costeff::train
