#pragma once

// config.json as a plain struct. It is a hint: the tensors decide what the model is, and what
// config.json says is checked against them (encoder.cpp, heads.cpp).

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
inline constexpr int64_t kDefaultHeads = 12;  // as in transformers' BertConfig

// Keys of COST-EFF (sbwww/COST-EFF, Costeff/configuration_costeff.py), with that code's defaults.
struct CosteffKeys {
  bool present = false;  // one of the keys only COST-EFF writes is there
  std::optional<int64_t> prun_hidden_size, prun_intermediate_size;
  int64_t emb_hidden_dim = -1;  // -1: not factorised
  bool pooler_dense = false;
  int64_t last_n_hidden = 1;
  std::string hidden_mode = "concat", pooling_mode = "cls";
};

// The object "costeff" that `costeff convert` writes. It is checked against the tensors, and it
// alone allows exits, or both sublayers of a layer, to be left out of a file.
struct ConvertedKeys {
  std::optional<std::vector<int64_t>> exits;  // layers with an exit, 1-based, ascending, up to L
  std::optional<std::vector<int64_t>> attention_sizes, ffn_sizes;  // [L] A and F; 0: no sublayer
  ComputeType compute = ComputeType::float32;  // what `costeff quantize` made it for
};

struct Config {
  std::string place;            // path of config.json, the beginning of messages
  std::string model_type;       // empty: not given
  std::string architecture;     // the first of `architectures`; empty: not given
  std::string tokenizer_class;  // empty: not given; src/text reads it
  // Absent: the key is not there. In a DistilBERT these are its own keys: dim, n_layers, n_heads,
  // hidden_dim.
  std::optional<int64_t> hidden_size, num_hidden_layers, num_attention_heads, intermediate_size;
  std::optional<int64_t> max_position_embeddings, vocab_size, type_vocab_size;
  std::optional<int64_t> num_labels;
  std::optional<int64_t> pad_token_id, bos_token_id, eos_token_id;
  std::string strange_pad_token_id;          // its JSON text, where it is no integer ("null")
  std::optional<int64_t> num_output_layers;  // ElasticBERT
  std::optional<std::vector<std::string>> id2label;  // in order of the ids 0, 1, ...
  std::string problem_type;                          // empty: not given
  std::string finetuning_task;                       // empty: not given
  model::Activation activation = model::Activation::gelu_erf;
  double layer_norm_eps = 1e-12;
  bool pruned_heads = false;  // transformers' prune_heads was used
  bool quantized = false;     // quantization_config is there
  CosteffKeys costeff;
  ConvertedKeys converted;
};

// Throws Error(model), naming the key, for a value that is of the wrong type or out of range, and
// for a model that the engine would answer wrongly (another architecture, decoder, relative
// positions, multi-label, ...).
//   distilbert   the tensors are DistilBERT's: its keys are read where model_type is absent. A
//                model_type that is there decides by itself.
Config parse_config(const std::string& text, const std::string& place, bool distilbert = false);
// The text of the file at `path`, as parse_config takes it.
std::string read_config_text(const std::string& path);

}  // namespace costeff::checkpoint
