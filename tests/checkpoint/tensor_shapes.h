#pragma once

// Checkpoints made in memory: tensors by name and shape, filled with small numbers that differ from
// element to element. For tests (tensor_maker.h) and fuzz targets.

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/format.h"
#include "base/tensors/tensor.h"
#include "checkpoint/config.h"
#include "checkpoint/dialects/dialects.h"
#include "model/spec.h"

namespace costeff::checkpoint {

// name -> shape; edited by a test, then made into a TensorSet.
struct Shapes {
  std::map<std::string, std::vector<int64_t>> at;
  std::map<std::string, std::vector<float>> values;  // of some of them; the rest is filled
  std::map<std::string, DType> dtypes;               // f32 if not here

  void linear(const std::string& name, int64_t out, int64_t in) {
    at[name + ".weight"] = {out, in};
    at[name + ".bias"] = {out};
  }
  void norm(const std::string& name, int64_t h) {
    at[name + ".weight"] = {h};
    at[name + ".bias"] = {h};
  }
  void erase(const std::string& beginning) {
    for (auto it = at.lower_bound(beginning);
         it != at.end() && it->first.rfind(beginning, 0) == 0;) {
      it = at.erase(it);
    }
  }
  void rename(const std::function<std::string(const std::string&)>& f) {
    std::map<std::string, std::vector<int64_t>> out;
    for (auto& [name, shape] : at) out[f(name)] = shape;
    at = std::move(out);
  }
};

inline float fill_value(size_t tensor, int64_t element) {
  return static_cast<float>(static_cast<int64_t>(tensor) * 7 + element % 101) / 64.0f;
}

inline TensorSet make_set(const Shapes& shapes, const std::string& file = "m/model.safetensors") {
  TensorSet set;
  set.file = std::make_shared<const std::string>(file);
  size_t number = 0;
  for (const auto& [name, shape] : shapes.at) {
    Tensor t;
    t.name = name;
    t.shape = shape;
    t.file = set.file;
    if (auto it = shapes.dtypes.find(name); it != shapes.dtypes.end()) t.dtype = it->second;
    auto data = std::make_shared<std::vector<float>>();
    if (auto it = shapes.values.find(name); it != shapes.values.end()) {
      *data = it->second;
    } else {
      for (int64_t i = 0; i < t.numel(); ++i) data->push_back(fill_value(number, i));
    }
    data->resize(
        std::max<size_t>(data->size(), static_cast<size_t>(t.numel()) * 2));  // room for I64
    t.data = reinterpret_cast<const std::byte*>(data->data());
    set.owners.push_back(data);
    set.add(std::move(t));
    ++number;
  }
  return set;
}

// The sizes of the models below: V 11, 10 positions, H 8, 2 heads of 4, F 12, L 3, C 2.
inline constexpr int64_t kV = 11, kP = 10, kH = 8, kF = 12, kL = 3, kC = 2;

inline void add_layer(Shapes& s, const std::string& p, int64_t h, int64_t a, int64_t f) {
  for (const char* n : {"query", "key", "value"}) s.linear(p + "attention.self." + n, a, h);
  s.linear(p + "attention.output.dense", h, a);
  s.norm(p + "attention.output.LayerNorm", h);
  s.linear(p + "intermediate.dense", f, h);
  s.linear(p + "output.dense", h, f);
  s.norm(p + "output.LayerNorm", h);
}

inline Shapes encoder(const std::string& prefix, int64_t types = 2, int64_t a = kH,
                      int64_t f = kF) {
  Shapes s;
  s.at[prefix + "embeddings.word_embeddings.weight"] = {kV, kH};
  s.at[prefix + "embeddings.position_embeddings.weight"] = {kP, kH};
  s.at[prefix + "embeddings.token_type_embeddings.weight"] = {types, kH};
  s.norm(prefix + "embeddings.LayerNorm", kH);
  for (int64_t i = 0; i < kL; ++i) {
    add_layer(s, fmt::format("{}encoder.layer.{}.", prefix, i), kH, a, f);
  }
  return s;
}

inline Shapes plain_bert(const std::string& prefix = "bert.") {
  Shapes s = encoder(prefix);
  s.linear(prefix + "pooler.dense", kH, kH);
  s.linear("classifier", kC, kH);
  return s;
}

inline Shapes plain_roberta() {
  Shapes s = encoder("roberta.", 1);
  s.linear("classifier.dense", kH, kH);
  s.linear("classifier.out_proj", kC, kH);
  return s;
}

inline Shapes deebert(const std::string& prefix = "bert.", int64_t highways = kL) {
  Shapes s = plain_bert(prefix);
  if (prefix == "roberta.") s.at["roberta.embeddings.token_type_embeddings.weight"] = {1, kH};
  for (int64_t i = 0; i < highways; ++i) {
    const std::string p = fmt::format("{}encoder.highway.{}", prefix, i);
    s.linear(p + ".pooler.dense", kH, kH);
    s.linear(p + ".classifier", kC, kH);
  }
  return s;
}

inline Shapes pabee() {
  Shapes s = encoder("bert.");
  s.linear("bert.pooler.dense", kH, kH);
  for (int64_t i = 0; i < kL; ++i) s.linear(fmt::format("classifiers.{}", i), kC, kH);
  return s;
}

inline Shapes distilbert_encoder() {
  Shapes s;
  s.at["distilbert.embeddings.word_embeddings.weight"] = {kV, kH};
  s.at["distilbert.embeddings.position_embeddings.weight"] = {kP, kH};
  s.norm("distilbert.embeddings.LayerNorm", kH);
  for (int64_t i = 0; i < kL; ++i) {
    const std::string p = fmt::format("distilbert.transformer.layer.{}.", i);
    for (const char* n : {"q_lin", "k_lin", "v_lin", "out_lin"})
      s.linear(p + "attention." + n, kH, kH);
    s.norm(p + "sa_layer_norm", kH);
    s.linear(p + "ffn.lin1", kF, kH);
    s.linear(p + "ffn.lin2", kH, kF);
    s.norm(p + "output_layer_norm", kH);
  }
  return s;
}

// An exit of costeff's own dialect. rows 0: no dense layer.
inline void add_own_exit(Shapes& s, int64_t layer, int64_t rows, int64_t labels = kC) {
  const std::string p = fmt::format("costeff_exits.{}.", layer);
  if (rows > 0) s.linear(p + "dense", rows, kH);
  s.linear(p + "classifier", labels, rows > 0 ? rows : kH);
}

// Its entry in config.json.
inline std::string own_entry(int64_t layer, bool dense, const std::string& pooling = "mean",
                             const std::string& activation = "tanh") {
  return fmt::format(R"({{"layer": {}, "pooling": "{}", "dense": {}, "activation": "{}"}})", layer,
                     pooling, dense, activation);
}

inline std::string own_keys(const std::string& entries) {
  return "\"costeff_exits\": [" + entries + "]";
}

inline Config make_config(const std::string& more = "", const std::string& heads = "2") {
  return parse_config("{\"hidden_size\": 8, \"num_attention_heads\": " + heads +
                          ", \"num_hidden_layers\": 3" + (more.empty() ? "" : ", " + more) + "}",
                      "m/config.json");
}

inline constexpr int64_t kE = 6;  // size of the embeddings of ELECTRA and ALBERT

inline void set_embeddings(Shapes* s, const std::string& prefix, int64_t size) {
  s->at[prefix + "embeddings.word_embeddings.weight"] = {kV, size};
  s->at[prefix + "embeddings.position_embeddings.weight"] = {kP, size};
  s->at[prefix + "embeddings.token_type_embeddings.weight"] = {2, size};
  s->norm(prefix + "embeddings.LayerNorm", size);
}

inline Shapes electra(int64_t size = kE) {
  Shapes s = encoder("electra.");
  set_embeddings(&s, "electra.", size);
  if (size != kH) s.linear("electra.embeddings_project", kH, size);
  s.linear("classifier.dense", kH, kH);
  s.linear("classifier.out_proj", kC, kH);
  return s;
}

inline Shapes albert(int64_t groups = 1, int64_t inner = 1) {
  Shapes s;
  set_embeddings(&s, "albert.", kE);
  s.linear("albert.encoder.embedding_hidden_mapping_in", kH, kE);
  for (int64_t i = 0; i < groups * inner; ++i) {
    const std::string p = fmt::format("albert.encoder.albert_layer_groups.{}.albert_layers.{}.",
                                      i / inner, i % inner);
    for (const char* n : {"query", "key", "value", "dense"}) s.linear(p + "attention." + n, kH, kH);
    s.norm(p + "attention.LayerNorm", kH);
    s.linear(p + "ffn", kF, kH);
    s.linear(p + "ffn_output", kH, kF);
    s.norm(p + "full_layer_layer_norm", kH);
  }
  s.linear("albert.pooler", kH, kH);
  s.linear("classifier", kC, kH);
  return s;
}

inline Shapes ernie(bool with_task) {
  Shapes s = plain_bert("ernie.");
  if (with_task) s.at["ernie.embeddings.task_type_embeddings.weight"] = {3, kH};
  return s;
}

inline Config config_of(const std::string& type, const std::string& more = "") {
  return make_config("\"model_type\": \"" + type + "\"" + (more.empty() ? "" : ", " + more));
}

inline Config albert_config(int64_t blocks, const std::string& more = "") {
  return parse_config(
      fmt::format(R"({{"model_type": "albert", "hidden_size": 8, "embedding_size": 6,
      "num_attention_heads": 2, "num_hidden_layers": {}{}}})",
                  blocks, more.empty() ? "" : ", " + more),
      "m/config.json");
}

inline model::Model make_model(const Shapes& s, const Config& c = make_config()) {
  return build_model(make_set(s), c, nullptr);
}

}  // namespace costeff::checkpoint
