#pragma once

// The way back: a Model into the clean form of its dialect, one model.safetensors and config.json.
// Names and keys are those that the readers look for: a dialect's save_NAME stands beside its
// build_NAME (dialects.h), what all have in common in save_model.cpp beside encoder.cpp.

#include <atomic>
#include <map>
#include <optional>
#include <string>

#include "base/json.h"
#include "checkpoint/config.h"
#include "checkpoint/source.h"
#include "model/spec.h"

namespace costeff::checkpoint {

// What a Model is written as, besides its parameters, which have their names.
struct SavedModel {
  const Config* config = nullptr;  // of the files the model was read from
  model::Parameters* parameters = nullptr;
  Family family = Family::bert;
  std::string prefix;   // of the encoder: "bert.", ...
  std::string dialect;  // what the reader will call it
  Json json;            // config.json
};

// Where a model comes from, for the record in config.json.
struct SavedFrom {
  std::string name, dialect, dtype;  // last component of its path, "deebert-bert", "F16, F32"
};

// Names the model's parameters and makes its config.json. A model that has lost its off-ramps
// becomes a plain one, masks that were folded a compact checkpoint. Positions beyond max_length are
// cut off, since transformers insists on as many rows as config.json says. `m` and `config` must
// outlive the result.
SavedModel name_model(model::Model* m, const Config& config);

// The parameters in use by their names, in alphabetical order. Throws Error(internal) for one that
// has no name.
std::map<std::string, model::ParameterId> saved_names(const model::Model& m);

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
// keep their type. The parameters get storage of their own, the model the mark.
void quantise(model::Model* m, ComputeType compute);

// For the dialects.
void put(SavedModel* out, const std::string& name, model::ParameterId id);
void put_linear(SavedModel* out, const std::string& name, const model::Linear& l);
// NAME.pooler.dense or NAME: pooler and classifier of an exit.
void put_head(SavedModel* out, const std::string& pooler, const std::string& classifier,
              const model::Head& head);
// "architectures": "Bert" of the model type + `task`, after `before`: CoFi + Bert + ForQuestion...
void put_architecture(SavedModel* out, const std::string& before, bool question_answering);

}  // namespace costeff::checkpoint
