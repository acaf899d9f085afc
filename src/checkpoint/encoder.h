#pragma once

// Embeddings and layers, which all dialects have in common.

#include <cstdint>

#include "checkpoint/source.h"
#include "model/spec.h"

namespace costeff::checkpoint {

// The names of a layer's tensors after "P.encoder.layer.i.".
struct LayerNames {
  const char* layer;  // "encoder.layer." or "transformer.layer."; ALBERT: AlbertLayout
  const char *query, *key, *value, *attention_out, *attention_norm;
  const char *ffn_in, *ffn_out, *ffn_norm;
};
const LayerNames& layer_names(Family family);
// The pooler of transformers' encoders that have one: "bert.pooler.dense", "albert.pooler".
std::string pooler_name(Family family, const std::string& prefix);

// How the sizes of the tensors relate to config.json.
enum class Widths {
  full,     // H is hidden_size; heads and F may be pruned
  cofi,     // H is hidden_size or less, and a sublayer may be absent
  costeff,  // H is hidden_size, A and F are prun_hidden_size and prun_intermediate_size
};

// Fills embeddings, layers, and the sizes that follow from them. Throws Error(model).
void build_encoder(Source& s, Widths widths, model::Model* m);

// Whether config.json says that `layer` (from 0) has neither sublayer, so that it may have no tensor.
bool may_be_empty(const Source& s, int64_t layer);

// The number of layers: 1 + the highest index. Throws if one below it has no tensor, unless it may be
// empty, and if num_hidden_layers of config.json differs.
int64_t count_layers(const Source& s);

// hidden_size of the model before pruning: that of config.json, else the rows of the pooler, else
// `hidden`.
int64_t unpruned_hidden_size(const Source& s, int64_t hidden);

// d = hidden_size / num_attention_heads of the unpruned model. Throws if it is no whole number.
int64_t unpruned_head_size(Source& s, int64_t hidden_size);

// What the tensors of a sublayer hold, apart from its LayerNorm. One without elements counts as missing.
enum class Units {
  some,
  bias,  // only the bias of the output: all units are gone, x = LayerNorm(x + bias)
  none   // nothing: the sublayer is absent (CoFi)
};
Units attention_units(const Source& s, int64_t layer);
Units ffn_units(const Source& s, int64_t layer);

}  // namespace costeff::checkpoint
