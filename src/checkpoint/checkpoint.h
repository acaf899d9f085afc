#pragma once

// The interface of this room: reads a checkpoint directory into a Model.
//   containers/           weight files -> TensorSet: safetensors; torch_file over zip_reader and
//                         pickle; weights: which files a directory has
//   config, exit_policy   config.json -> Config; exit_policy.json -> ExitPolicy
//   source                tensors by canonical name, with checked access; embeddings, encoder, heads
//                         over it
//   albert_layers         which of ALBERT's layers share weights
//   foreign_tensors       refuses what the engine does not compute
//   dialects/             which dialect the tensors are in; dialect_*: -> Model; cofi_fold: zs.pt;
//                         backbone: a model without its exits; save_model: the way back;
//                         dialect_choice: which dialects can write a model
// Every offset, length, shape and name is checked before it is used; a wrong file is an
// Error(model).

#include <optional>
#include <string>

#include "base/tensors/tensor.h"
#include "checkpoint/config.h"
#include "model/spec.h"

namespace costeff::checkpoint {

// Reads DIR/config.json, the weights and DIR/exit_policy.json. ignore_unused: as in LoadOptions.
// *config, if not null, gets config.json as it was understood. Throws Error(model).
model::Model load_model(const std::string& dir, bool ignore_unused = false,
                        Config* config = nullptr);

// A model to train.
struct Backbone {
  model::Model model;  // arch.heads is empty if the files have no classifier
  Config config;
  // Without a classifier: the pretrained pooler, if there is one. It is in model.parameters, but no
  // exit refers to it yet. [H, H]; in CoFi's compact form [unpruned H, H].
  std::optional<model::Linear> pooler;
};

// As load_model, and also reads an encoder without any classifier, as it is after pretraining: BertModel,
// BertForPreTraining, BertForMaskedLM and their kin, and directories of sentence-transformers. The
// labels and the exit policy of such a directory are ignored. Throws Error(model), also for a model that
// answers questions.
Backbone load_backbone(const std::string& dir, bool ignore_unused = false);

}  // namespace costeff::checkpoint
