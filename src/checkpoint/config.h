#pragma once

// config.json as a plain struct. It is a hint: the tensors decide what the model is, and config.json
// is checked against them (encoder.cpp, heads.cpp).

#include <costeff/options.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/spec.h"

namespace costeff::checkpoint {

inline constexpr int64_t kMaxLayers = 1000;
inline constexpr int64_t kMaxHidden = 65536;  // H, and heads
inline constexpr int64_t kMaxFfn = 1 << 20;   // F
inline constexpr int64_t kMaxPositions = 1 << 20;
inline constexpr int64_t kMaxLabels = 1 << 20;

// Keys of COST-EFF (sbwww/COST-EFF, Costeff/configuration_costeff.py), with that code's defaults.
struct CosteffKeys {
  bool present = false;  // there is a key that only COST-EFF writes
  std::optional<int64_t> prun_hidden_size, prun_intermediate_size;
  int64_t emb_hidden_dim = -1;  // -1: not factorised
  bool pooler_dense = false;
  int64_t last_n_hidden = 1;
  std::string hidden_mode = "concat", pooling_mode = "cls";
};

// The object "costeff" that `costeff convert` writes. It is checked against the tensors. Only with it
// may a file leave out exits, or both sublayers of a layer.
struct ConvertedKeys {
  std::optional<std::vector<int64_t>> exits;  // layers with an exit, 1-based, ascending, up to L
  std::optional<std::vector<int64_t>> attention_sizes, ffn_sizes;  // [L] A and F; 0: no sublayer
  ComputeType compute = ComputeType::float32;  // for which `costeff quantize` made it
};

// An entry of "costeff_exits", the key of costeff's own off-ramps (dialects/dialect_own.cpp).
struct OwnExit {
  int64_t layer = 0;                               // 1-based
  model::Pooling pooling = model::Pooling::first;  // or mean
  bool dense = false;                              // a pooler of its own
  model::Activation activation = model::Activation::none;
};

struct Config {
  std::string place;            // path of config.json, with which messages begin
  std::string model_type;       // empty: not given
  std::string architecture;     // the first of `architectures`; empty: not given
  std::string tokenizer_class;  // empty: not given; src/text reads it
  // nullopt: the key is absent. DistilBERT has its own keys for some: dim, n_layers, n_heads,
  // hidden_dim.
  std::optional<int64_t> hidden_size, num_hidden_layers, num_attention_heads, intermediate_size;
  std::optional<int64_t> max_position_embeddings, vocab_size, type_vocab_size;
  std::optional<int64_t> num_labels;
  std::optional<int64_t> pad_token_id, bos_token_id, eos_token_id;
  std::string strange_pad_token_id;          // its JSON text if it is no integer ("null")
  std::optional<int64_t> num_output_layers;  // ElasticBERT
  std::optional<int64_t> embedding_size;     // ELECTRA, ALBERT
  std::optional<int64_t> num_hidden_groups, inner_group_num;  // ALBERT
  bool use_task_id = false;                                   // ERNIE
  std::optional<std::vector<std::string>> id2label;           // in order of the ids 0, 1, ...
  std::string problem_type;                                   // empty: not given
  std::string finetuning_task;                                // empty: not given
  model::Activation activation = model::Activation::gelu_erf;
  double layer_norm_eps = 1e-12;
  int64_t default_heads = 12;  // transformers' default of num_attention_heads
  // Of training: DistilBERT's seq_classif_dropout, ALBERT's classifier_dropout_prob.
  float seq_classif_dropout = model::kDistilBertDropout;
  float classifier_dropout_prob = model::kAlbertDropout;
  bool pruned_heads = false;  // transformers' prune_heads was used
  bool quantized = false;     // there is a quantization_config
  CosteffKeys costeff;
  ConvertedKeys converted;
  std::optional<std::vector<OwnExit>> own_exits;  // ascending layers, at least one

  int64_t heads() const { return num_attention_heads.value_or(default_heads); }
};

// The names of Pooling::first and mean in "costeff_exits".
const char* own_pooling_name(model::Pooling pooling);

// Throws an Error(model) that names the key for a value of the wrong type or out of range, and for a
// model that the engine would compute wrongly (another architecture, a decoder, relative positions,
// multi-label, ...).
//   distilbert   the tensors are DistilBERT's, so its keys are read if there is no model_type. If
//                there is one, it alone decides.
Config parse_config(const std::string& text, const std::string& place, bool distilbert = false);
// Reads the text that parse_config takes.
std::string read_config_text(const std::string& path);

}  // namespace costeff::checkpoint
