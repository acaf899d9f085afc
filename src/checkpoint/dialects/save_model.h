#pragma once

// The way back: writes a Model in the clean form of its dialect, as one model.safetensors and
// config.json, with the names and keys that the readers look for. A dialect's save_NAME is beside its
// build_NAME (dialects.h). What all have in common is in save_model.cpp (tensors) and saved_config.cpp.

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json/json.h"
#include "checkpoint/config.h"
#include "checkpoint/source.h"
#include "model/spec.h"

namespace costeff::checkpoint {

// How a Model is written, apart from the names of its parameters, which they have themselves.
struct SavedModel {
  const Config* config = nullptr;  // of the files from which the model was read
  model::Parameters* parameters = nullptr;
  Family family = Family::bert;
  std::string prefix;   // of the encoder: "bert.", ...
  AlbertLayout albert;  // of its family alone
  std::string dialect;  // as the reader will name it
  Json json;            // config.json
  std::vector<Tensor>
      beside;  // tensors that are written by their own names, in float32; none reads them
};

// Where a model came from, for the record in config.json.
struct SavedFrom {
  std::string name, dialect, dtype;  // last component of its path, "deebert-bert", "F16, F32"
};

// Names the model's parameters and makes its config.json. A model without off-ramps becomes a plain
// one, one with folded masks a compact one. Positions beyond max_length are cut off, as transformers
// insists on as many rows as config.json says. `m` and `config` must outlive the result.
SavedModel name_model(model::Model* m, const Config& config);

// The parameters in use by name. Throws Error(internal) if one has no name of its own.
std::map<std::string, model::ParameterId> saved_names(const model::Model& m);

// Completes config.json for tensors that will be stored as `dtype` (nullopt: in their own type).
void record_source(SavedModel* saved, const model::Model& m, const SavedFrom& from,
                   std::optional<DType> dtype);

// The type in which weights are stored: `asked` or, without it, their own, with F32 for F64.
DType stored_dtype(DType have, std::optional<DType> asked);

// Writes DIR/model.safetensors, config.json and, if the model has a policy, exit_policy.json into a
// directory that has none of them. Returns false if *stop became true; the files are then incomplete.
// Throws Error(output).
bool write_model(const SavedModel& saved, const model::Model& m, std::optional<DType> dtype,
                 const std::string& dir, const std::atomic<bool>* stop);

// Stores the weights of the layers, the word embedding and its factor as `compute` reads them:
// bfloat16, or int8 with a scale for each row (base/tensors/quantise.h); poolers as bfloat16 in both cases. The
// others keep their type. The new weights are added to the model's storage, and provenance.compute is
// set. Throws an Error(model) for a weight that is not finite.
void quantise(model::Model* m, ComputeType compute);

// For the dialects: gives a parameter its name.
void put(SavedModel* out, const std::string& name, model::ParameterId id);
void put_linear(SavedModel* out, const std::string& name, const model::Linear& l);
// Names the pooler and the classifier of an exit.
void put_head(SavedModel* out, const std::string& pooler, const std::string& classifier,
              const model::Head& head);
// Puts the dropout of the final exit, if it is not that of the family's models.
void put_dropout(SavedModel* out, const model::Head& head);
// Puts the keys that dialects have in common, with the sizes of the unpruned model. DistilBERT renames
// some of them.
void put_common_keys(SavedModel* out, const model::Model& m);
// Puts "architectures", a class of transformers: `before` (CoFi) + Bert + ForQuestionAnswering.
void put_architecture(SavedModel* out, const std::string& before, bool question_answering);

}  // namespace costeff::checkpoint
