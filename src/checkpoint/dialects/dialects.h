#pragma once

// Which dialect a checkpoint is written in, and a builder for each. The tensors tell the dialect;
// config.json decides only between forms that have the same tensors.

#include <optional>
#include <span>
#include <string>

#include "checkpoint/config.h"
#include "checkpoint/dialects/save_model.h"
#include "checkpoint/encoder.h"
#include "checkpoint/source.h"
#include "model/spec.h"

namespace costeff::checkpoint {

struct Dialect {
  bool (*detect)(const Source& s);
  void (*build)(Source& s, model::Model* m);  // fills in all but what finish() does
  const char* name;                           // with which Provenance::dialect begins
  // Names the parameters of the heads and adds or changes keys of config.json. Those of the encoder
  // are done.
  void (*save)(const model::Model& m, SavedModel* out);
};

// In the order in which detect() is called; the last one always returns true.
std::span<const Dialect> dialects();
// The row of a full name: "deebert-roberta".
const Dialect& dialect_named(const std::string& full);

// Builds the Model of a checkpoint, which takes over `set`. masks: zs.pt of CoFi, or null.
// ignore_unused: as in LoadOptions. Throws Error(model), also if there is no classifier.
model::Model build_model(TensorSet set, const Config& config, const TensorSet* masks,
                         bool ignore_unused = false);

// The same, for load_backbone.
struct BuiltBackbone {
  model::Model model;
  std::optional<model::Linear> pooler;
};
BuiltBackbone build_backbone(TensorSet set, const Config& config, const TensorSet* masks,
                             bool ignore_unused = false);

// dialect_own.cpp: "costeff-" and the encoder's dialect: "costeff-plain-bert", ...
bool detect_own(const Source& s);
void build_own(Source& s, model::Model* m);
void save_own(const model::Model& m, SavedModel* out);

// dialect_plain.cpp: "plain-bert", "plain-roberta", "plain-xlmr", "plain-electra", "plain-albert",
// "plain-ernie", each also with "-qa".
bool detect_plain(const Source& s);
void build_plain(Source& s, model::Model* m);
void save_plain(const model::Model& m, SavedModel* out);
// The family's name without "-qa".
const char* plain_name(Family family, const std::string& model_type);
// Encoder and final classifier of a model without off-ramps; or the classifier alone.
void build_single_exit(Source& s, Widths widths, model::Model* m);
void add_single_exit(Source& s, Widths widths, model::Model* m);
// Names the parameters of its classifier.
void put_single_exit(const model::Model& m, SavedModel* out);
bool is_question_answering(const Source& s);
bool has_roberta_head(const Source& s);  // classifier.dense and classifier.out_proj
// Whether it is the form of the family's classifier: RoBERTa's, ELECTRA's.
bool has_roberta_head(Family family);
// What is computed after the pooler of transformers' classifier of the family.
model::Activation activation_after_pooler(Family family);

// dialect_cofi.cpp: "cofi-compact", "cofi-zs", each also with "-roberta" and "-qa"; "cofi-compact-electra",
// "cofi-compact-ernie".
bool detect_cofi(const Source& s);
void build_cofi(Source& s, model::Model* m);
void save_cofi(const model::Model& m, SavedModel* out);
// The compact form's name without "-qa".
std::string compact_name(Family family);

// dialect_deebert.cpp: "deebert-bert", "deebert-roberta", "berxit-bert", "berxit-roberta".
bool detect_deebert(const Source& s);
void build_deebert(Source& s, model::Model* m);
void save_deebert(const model::Model& m, SavedModel* out);
bool detect_berxit(const Source& s);
void build_berxit(Source& s, model::Model* m);
void save_berxit(const model::Model& m, SavedModel* out);

// dialect_costeff.cpp: "cost-eff".
bool detect_costeff(const Source& s);
void build_costeff(Source& s, model::Model* m);
void build_costeff_encoder(Source& s, model::Model* m);
void add_costeff_exit(Source& s, model::Model* m);  // the final classifier
void save_costeff(const model::Model& m, SavedModel* out);

// dialect_pabee.cpp: "pabee".
bool detect_pabee(const Source& s);
void build_pabee(Source& s, model::Model* m);
void save_pabee(const model::Model& m, SavedModel* out);

// dialect_elasticbert.cpp: "elasticbert", "elasticbert-static".
bool detect_elasticbert(const Source& s);
void build_elasticbert(Source& s, model::Model* m);
void build_elasticbert_encoder(Source& s, model::Model* m);
void add_elasticbert_exit(Source& s, model::Model* m);  // that of a static model
void save_elasticbert(const model::Model& m, SavedModel* out);

// dialect_distilbert.cpp: "distilbert", "distilbert-qa".
bool detect_distilbert(const Source& s);
void build_distilbert(Source& s, model::Model* m);
void add_distilbert_exit(Source& s, model::Model* m);
void save_distilbert(const model::Model& m, SavedModel* out);

}  // namespace costeff::checkpoint
