#pragma once

// The way back: a Model into the clean form of its dialect, one model.safetensors and config.json.
// Names and keys are those that the readers look for: a dialect's save_NAME stands beside its
// build_NAME (dialects.h), what all have in common in save_model.cpp beside encoder.cpp.

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/config.h"
#include "checkpoint/source.h"
#include "model/spec.h"

namespace costeff::checkpoint {

// What a Model is written as.
struct SavedModel {
  const Config* config = nullptr;  // of the files the model was read from
  Family family = Family::bert;
  std::string prefix;                              // of the encoder: "bert.", ...
  std::string dialect;                             // what the reader will call it
  std::map<std::string, Tensor> tensors;           // by canonical name; views, as the model's
  Json json;                                       // config.json
  std::vector<std::shared_ptr<const void>> owned;  // bytes of tensors that were made anew
};

// Where a model comes from, for the record in config.json.
struct SavedFrom {
  std::string name, dialect, dtype;  // last component of its path, "deebert-bert", "F16, F32"
};

// Names and config.json. A model that has lost its off-ramps becomes a plain one, masks that were
// folded a compact checkpoint. `config` must outlive the result.
SavedModel name_model(const model::Model& m, const Config& config);

// Completes config.json for tensors that will be stored as `dtype` (absent: as they are).
void record_source(SavedModel* saved, const model::Model& m, const SavedFrom& from,
                   std::optional<DType> dtype);

// Weights are stored as they are, F64 as F32, unless a dtype is asked for.
DType stored_dtype(DType have, std::optional<DType> asked);

// Writes DIR/model.safetensors, config.json and, if the model has a policy, exit_policy.json into a
// directory that has none of them. False: *stop became true; what is there is then useless. Throws
// Error(output).
bool write_model(const SavedModel& saved, const model::Model& m, std::optional<DType> dtype,
                 const std::string& dir, const std::atomic<bool>* stop);

// Stores the weights of the layers, the word embedding and its factor as `compute` reads them:
// bfloat16, or int8 with a scale a row (base/quantise.h); poolers as bfloat16 in both. The others
// keep their type. `m` must be the model that was named, and gets the mark; `saved` keeps views
// into `m`'s tensors and owns the rest.
void quantise(SavedModel* saved, model::Model* m, ComputeType compute);

// For the dialects: a tensor that several exits share is put once.
void put(SavedModel* out, const std::string& name, const Tensor& t);
void put_linear(SavedModel* out, const std::string& name, const model::Linear& l);
// NAME.pooler.dense or NAME: pooler and classifier of an exit.
void put_head(SavedModel* out, const std::string& pooler, const std::string& classifier,
              const model::Head& head);
// "architectures": "Bert" of the model type + `task`, after `before`: CoFi + Bert + ForQuestion...
void put_architecture(SavedModel* out, const std::string& before, bool question_answering);

}  // namespace costeff::checkpoint
