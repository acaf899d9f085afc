#include "checkpoint/config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string_view>
#include <utility>

#include "base/fail.h"
#include "base/files/file_bytes.h"
#include "base/json/json.h"
#include "base/names.h"
#include "base/utf8.h"
#include "checkpoint/model_type.h"

namespace costeff::checkpoint {
namespace {

using model::Activation;

constexpr ErrorKind kModel = ErrorKind::model;
constexpr uint64_t kMaxConfigBytes = 16u << 20;

// transformers' names (activations.py, ACT2FN). gelu_fast is the tanh form with rounded constants.
constexpr std::array<Name<Activation>, 9> kActivations{{
    {"gelu", Activation::gelu_erf},
    {"gelu_python", Activation::gelu_erf},
    {"gelu_new", Activation::gelu_tanh},
    {"gelu_pytorch_tanh", Activation::gelu_tanh},
    {"gelu_fast", Activation::gelu_tanh},
    {"relu", Activation::relu},
    {"silu", Activation::silu},
    {"swish", Activation::silu},
    {"tanh", Activation::tanh},
}};

// The names that models are described with (model::activation_name).
constexpr std::array<Name<Activation>, 6> kOwnActivations{{
    {"tanh", Activation::tanh},
    {"relu", Activation::relu},
    {"gelu", Activation::gelu_erf},
    {"gelu_new", Activation::gelu_tanh},
    {"silu", Activation::silu},
    {"none", Activation::none},
}};

Activation activation_from_name(const std::string& name, const char* key,
                                const std::string& place) {
  if (const auto* row = find_named(kActivations, name)) return row->value;
  fail_model("{}: {} is \"{}\", expected one of {}", place, key, printable(name, 60),
             listed_names(kActivations));
}

std::optional<int64_t> maybe_int(const Json& j, const char* key, int64_t low, int64_t high,
                                 const std::string& place) {
  if (!j.contains(key)) return std::nullopt;
  return json_int(j, key, 0, low, high, place, kModel);
}

std::string string_or(const Json& j, const char* key, const char* fallback,
                      const std::string& place) {
  return json_string(j, key, place, kModel).value_or(fallback);
}

// The number that Python's int() makes of a key of id2label; -1 if it is negative or no number.
int64_t id_of_key(std::string_view key) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  const size_t begin = key.find_first_not_of(kSpace);
  if (begin == key.npos) return -1;
  key = key.substr(begin, key.find_last_not_of(kSpace) + 1 - begin);
  if (key.starts_with('+')) key.remove_prefix(1);
  int64_t id = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
  return error == std::errc() && end == key.data() + key.size() && id >= 0 ? id : -1;
}

// A label as Python prints the value in the JSON, as transformers keeps any value.
std::optional<std::string> label_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (value.is_null()) return "None";
  if (value.is_number()) return value.dump();
  return std::nullopt;
}

// {"0": "negative", "1": "positive"}: the keys must be 0 .. n-1.
std::optional<std::vector<std::string>> read_id2label(const Json& j, const std::string& place) {
  const auto it = j.find("id2label");
  if (it == j.end() || it->is_null()) return std::nullopt;
  if (!it->is_object()) {
    fail_model("{}: id2label is {}, expected an object {{\"0\": name, ...}}", place,
               json_text(*it));
  }
  std::vector<std::optional<std::string>> found(it->size());
  for (const auto& [key, value] : it->items()) {
    const int64_t id = id_of_key(key);
    if (id < 0 || id >= static_cast<int64_t>(found.size()))
      continue;  // which leaves a gap: see below
    std::optional<std::string>& label = found[static_cast<size_t>(id)];
    if (label) {
      fail_model("{}: id2label names label {} twice, expected each number once", place, id);
    }
    label = label_text(value);
    if (!label) {
      fail_model("{}: id2label: \"{}\" is {}, expected a name", place, printable(key, 60),
                 json_text(value));
    }
  }
  std::vector<std::string> labels;
  for (std::optional<std::string>& label : found) {
    if (!label) {
      fail_model("{}: id2label has {} entries, but no \"{}\"; expected the keys 0 to {}", place,
                 found.size(), labels.size(), found.size() - 1);
    }
    labels.push_back(std::move(*label));
  }
  return labels;
}

CosteffKeys read_costeff_keys(const Json& j, const std::string& place) {
  CosteffKeys k;
  for (const char* key : {"prun_hidden_size", "prun_intermediate_size", "emb_hidden_dim",
                          "pooler_dense", "head_to_distill"}) {
    k.present = k.present || j.contains(key);
  }
  k.prun_hidden_size = maybe_int(j, "prun_hidden_size", 1, kMaxHidden, place);
  k.prun_intermediate_size = maybe_int(j, "prun_intermediate_size", 1, kMaxFfn, place);
  k.emb_hidden_dim = json_int(j, "emb_hidden_dim", -1, -1, kMaxHidden, place, kModel);
  k.pooler_dense = json_bool(j, "pooler_dense", false, place, kModel);
  if (k.pooler_dense) return k;  // then the reference ignores the keys below
  k.last_n_hidden = json_int(j, "last_n_hidden", 1, 1, kMaxLayers + 1, place, kModel);
  k.hidden_mode = string_or(j, "hidden_mode", "concat", place);
  k.pooling_mode = string_or(j, "pooling_mode", "cls", place);
  return k;
}

std::optional<std::vector<int64_t>> int_list(const Json& j, const char* key, int64_t low,
                                             int64_t high, const std::string& place) {
  const auto it = j.find(key);
  if (it == j.end()) return std::nullopt;
  if (!it->is_array() || it->empty() || it->size() > static_cast<size_t>(kMaxLayers)) {
    fail_model("{}: {} is {}, expected a list of 1 to {} numbers", place, key, json_text(*it),
               kMaxLayers);
  }
  std::vector<int64_t> list;
  for (const Json& v : *it) {
    list.push_back(json_int(Json{{key, v}}, key, 0, low, high, place, kModel));
  }
  return list;
}

ConvertedKeys read_converted_keys(const Json& j, const std::string& config_place) {
  const auto it = j.find("costeff");
  if (it == j.end()) return {};
  const std::string place = config_place + ": costeff";
  if (!it->is_object()) fail_model("{} is {}, expected an object", place, json_text(*it));
  ConvertedKeys k;
  k.exits = int_list(*it, "exits", 1, kMaxLayers, place);
  k.attention_sizes = int_list(*it, "attention_sizes", 0, kMaxHidden, place);
  k.ffn_sizes = int_list(*it, "ffn_sizes", 0, kMaxFfn, place);
  const std::string compute = string_or(*it, "compute", "float32", place);
  if (compute == "bfloat16") {
    k.compute = ComputeType::bfloat16;
  } else if (compute == "int8") {
    k.compute = ComputeType::int8;
  } else if (compute != "float32") {
    fail_model("{}: compute is \"{}\", expected float32, bfloat16 or int8", place,
               printable(compute, 60));
  }
  return k;
}

constexpr std::array<Name<model::Pooling>, 2> kOwnPoolings{
    {{"first", model::Pooling::first}, {"mean", model::Pooling::mean}}};

template <typename Rows>
auto own_value(const Rows& rows, const Json& exit, const char* key, const std::string& place) {
  const Json& v = exit.at(key);
  const auto* row = v.is_string() ? find_named(rows, v.get_ref<const std::string&>()) : nullptr;
  if (row) return row->value;
  fail_model("{}: {} is {}, expected one of {}", place, key, json_text(v), listed_names(rows));
}

// All four keys must be there, and no other one: what is not understood may change what is computed.
OwnExit read_own_exit(const Json& j, const std::string& place) {
  constexpr std::array<const char*, 4> kKeys{"layer", "pooling", "dense", "activation"};
  if (!j.is_object()) fail_model("{} is {}, expected an object", place, json_text(j));
  for (const auto& [key, value] : j.items()) {
    if (std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end()) continue;
    fail_model("{}: \"{}\" is not known, expected the keys layer, pooling, dense and activation",
               place, printable(key, 60));
  }
  for (const char* key : kKeys) {
    if (!j.contains(key)) fail_model("{}: {} is missing", place, key);
  }
  OwnExit e;
  e.layer = json_int(j, "layer", 0, 1, kMaxLayers, place, kModel);
  e.pooling = own_value(kOwnPoolings, j, "pooling", place);
  e.dense = json_bool(j, "dense", false, place, kModel);
  e.activation = own_value(kOwnActivations, j, "activation", place);
  return e;
}

std::optional<std::vector<OwnExit>> read_own_exits(const Json& j, const std::string& config_place) {
  const auto it = j.find("costeff_exits");
  if (it == j.end()) return std::nullopt;
  const std::string place = config_place + ": costeff_exits";
  if (!it->is_array() || it->empty() || it->size() > static_cast<size_t>(kMaxLayers)) {
    fail_model("{} is {}, expected a list of 1 to {} exits", place, json_text(*it), kMaxLayers);
  }
  std::vector<OwnExit> exits;
  for (const Json& entry : *it) {
    exits.push_back(read_own_exit(entry, fmt::format("{}[{}]", place, exits.size())));
    if (exits.size() == 1 || exits[exits.size() - 2].layer < exits.back().layer) continue;
    fail_model("{}[{}]: layer is {} after {}, expected ascending layers, each once", place,
               exits.size() - 1, exits.back().layer, exits[exits.size() - 2].layer);
  }
  return exits;
}

// Some architectures compute something else with tensors of the same names: BigBird and X-MOD differ
// from BERT and RoBERTa only in config.json.
std::string read_model_type(const Json& j, const std::string& place) {
  const std::string type = string_or(j, "model_type", "", place);
  if (!type.empty() && !find_model_type(type)) {
    fail_model(
        "{}: model_type is \"{}\", an architecture that the engine does not compute, expected one "
        "of {}",
        place, printable(type, 60), model_type_names());
  }
  return type;
}

// The first of the classes that the file says it was saved from; "" if it names none. Some have the
// same tensors as a text classifier and another meaning: a label for each token, a score for each
// choice.
std::string read_architecture(const Json& j, const std::string& place) {
  const auto it = j.find("architectures");
  if (it == j.end() || !it->is_array() || it->empty() || !it->front().is_string()) return "";
  const auto& name = it->front().get_ref<const std::string&>();
  for (const char* other : {"ForTokenClassification", "ForMultipleChoice"}) {
    if (name.find(other) == std::string::npos) continue;
    fail_model(
        "{}: architectures is \"{}\", expected a class for sequence classification or question "
        "answering",
        place, printable(name, 60));
  }
  return name;
}

// Refuses what the engine does not compute, as the answers would be wrong.
void refuse(const Json& j, const std::string& place) {
  if (json_bool(j, "is_decoder", false, place, kModel)) {
    fail_model("{}: is_decoder is true: causal attention, expected an encoder (false)", place);
  }
  if (json_bool(j, "add_cross_attention", false, place, kModel)) {
    fail_model("{}: add_cross_attention is true, expected an encoder by itself (false)", place);
  }
  const std::string positions = string_or(j, "position_embedding_type", "absolute", place);
  if (positions != "absolute") {
    fail_model("{}: position_embedding_type is \"{}\", expected \"absolute\"", place,
               printable(positions, 60));
  }
}

// Only in the RoBERTa family do positions depend on pad_token_id, so it is checked there. The other
// ids are kept as they are.
void read_token_ids(const Json& j, Config* c) {
  const auto id = [&](const char* key) -> std::optional<int64_t> {
    const auto it = j.find(key);
    if (it == j.end() || !it->is_number_integer()) return std::nullopt;
    return it->get<int64_t>();
  };
  c->pad_token_id = id("pad_token_id");
  c->bos_token_id = id("bos_token_id");
  c->eos_token_id = id("eos_token_id");
  if (const auto it = j.find("pad_token_id"); it != j.end() && !c->pad_token_id) {
    c->strange_pad_token_id = json_text(*it);
  }
}

// Answers do not depend on it, so a value that is no probability is ignored.
void read_dropout(const Json& j, const char* key, float* dropout) {
  const auto it = j.find(key);
  if (it == j.end() || !it->is_number()) return;
  if (const double p = it->get<double>(); p >= 0 && p < 1) *dropout = static_cast<float>(p);
}

std::string read_problem_type(const Json& j, const std::string& place) {
  const std::string type = string_or(j, "problem_type", "", place);
  if (!type.empty() && type != "single_label_classification" && type != "regression" &&
      type != "multi_label_classification") {
    fail_model(
        "{}: problem_type is \"{}\", expected single_label_classification, "
        "multi_label_classification or regression",
        place, printable(type, 60));
  }
  return type;
}

}  // namespace

Config parse_config(const std::string& text, const std::string& place, bool distilbert) {
  if (text.empty()) fail_model("{}: is empty, expected a JSON object", place);
  const Json j = parse_json(text, place, kModel);
  if (!j.is_object()) fail_model("{}: is {}, expected a JSON object", place, json_text(j));

  Config c;
  c.place = place;
  c.model_type = read_model_type(j, place);
  c.architecture = read_architecture(j, place);
  refuse(j, place);

  // DistilBERT has its own names; in another model's file they are unknown keys and do not matter.
  // Three of the common names are aliases there, and win (transformers: attribute_map, __setattr__).
  const bool distil = c.model_type.empty() ? distilbert : c.model_type == "distilbert";
  const auto own_unless = [&](const char* own, const char* common) {
    return distil && !j.contains(common) ? own : common;
  };
  const char* hidden = own_unless("dim", "hidden_size");
  const char* layers = own_unless("n_layers", "num_hidden_layers");
  const char* heads = own_unless("n_heads", "num_attention_heads");
  const char* ffn = distil ? "hidden_dim" : "intermediate_size";
  const char* activation = distil ? "activation" : "hidden_act";
  c.hidden_size = maybe_int(j, hidden, 1, kMaxHidden, place);
  c.num_hidden_layers = maybe_int(j, layers, 1, kMaxLayers, place);
  c.num_attention_heads = maybe_int(j, heads, 1, kMaxHidden, place);
  c.intermediate_size = maybe_int(j, ffn, 1, kMaxFfn, place);
  c.max_position_embeddings = maybe_int(j, "max_position_embeddings", 1, kMaxPositions, place);
  c.vocab_size = maybe_int(j, "vocab_size", 1, std::numeric_limits<int32_t>::max(), place);
  c.type_vocab_size = maybe_int(j, "type_vocab_size", 0, kMaxHidden, place);
  c.num_labels = maybe_int(j, "num_labels", 1, kMaxLabels, place);
  c.embedding_size = maybe_int(j, "embedding_size", 1, kMaxHidden, place);
  c.num_hidden_groups = maybe_int(j, "num_hidden_groups", 1, kMaxLayers, place);
  c.inner_group_num = maybe_int(j, "inner_group_num", 1, kMaxLayers, place);
  c.use_task_id = c.model_type == "ernie" && json_bool(j, "use_task_id", false, place, kModel);
  c.num_output_layers = maybe_int(j, "num_output_layers", 1, kMaxLayers, place);
  read_token_ids(j, &c);
  c.id2label = read_id2label(j, place);
  c.problem_type = read_problem_type(j, place);
  c.tokenizer_class = string_or(j, "tokenizer_class", "", place);
  // Nothing depends on it, so a value that is no name (mostly null) is ignored.
  if (const auto it = j.find("finetuning_task"); it != j.end() && it->is_string()) {
    c.finetuning_task = it->get<std::string>();
  }
  const ModelType* type = find_model_type(c.model_type);
  if (type) c.default_heads = type->heads;
  c.activation = activation_from_name(
      string_or(j, activation, type ? type->activation : "gelu", place), activation, place);
  c.layer_norm_eps = json_number(j, "layer_norm_eps", 1e-12, 0, 1, place, kModel);
  read_dropout(j, "seq_classif_dropout", &c.seq_classif_dropout);
  read_dropout(j, "classifier_dropout_prob", &c.classifier_dropout_prob);
  if (const auto it = j.find("pruned_heads"); it != j.end()) {
    c.pruned_heads = it->is_object() && !it->empty();
  }
  if (const auto it = j.find("quantization_config"); it != j.end()) c.quantized = !it->is_null();
  c.costeff = read_costeff_keys(j, place);
  c.converted = read_converted_keys(j, place);
  c.own_exits = read_own_exits(j, place);
  return c;
}

const char* own_pooling_name(model::Pooling pooling) {
  return name_of_value(kOwnPoolings, pooling).data();
}

std::string read_config_text(const std::string& path) {
  return read_file(path, kModel, kMaxConfigBytes);
}

}  // namespace costeff::checkpoint
