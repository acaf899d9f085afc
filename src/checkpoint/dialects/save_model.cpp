#include "checkpoint/dialects/save_model.h"

#include <costeff/version.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <set>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "base/file_bytes.h"
#include "base/file_writer.h"
#include "checkpoint/containers/safetensors_writer.h"
#include "checkpoint/dialects/dialects.h"
#include "checkpoint/encoder.h"
#include "checkpoint/exit_policy.h"
#include "checkpoint/model_type.h"

namespace costeff::checkpoint {
namespace {

// config.json's own, where the family has several (xlm-roberta, camembert).
std::string saved_type(Family family, const Config& config) {
  const ModelType* t = find_model_type(config.model_type);
  return t && t->family == family && t->class_prefix ? t->name : first_of(family).name;
}

void put_norm(SavedModel* out, const std::string& name, const model::LayerNorm& norm) {
  put(out, name + ".weight", norm.weight);
  put(out, name + ".bias", norm.bias);
}

void put_embeddings(SavedModel* out, const model::Model& m) {
  const std::string p = out->prefix + "embeddings.";
  const model::Embeddings& e = m.arch.embeddings;
  if (e.word_up) {
    put(out, p + "word_embeddings1.weight", e.word);
    put(out, p + "word_embeddings2.weight", e.word_up->weight);
  } else {
    put(out, p + "word_embeddings.weight", e.word);
  }
  put(out, p + "position_embeddings.weight", e.position);
  put(out, p + "token_type_embeddings.weight", e.type);
  put_norm(out, p + "LayerNorm", e.norm);
}

void put_layers(SavedModel* out, const model::Model& m) {
  const LayerNames& n = layer_names(out->family);
  for (size_t i = 0; i < m.arch.layers.size(); ++i) {
    const std::string p = out->prefix + n.layer + std::to_string(i) + ".";
    if (const auto& a = m.arch.layers[i].attention) {
      put_linear(out, p + n.query, a->query);
      put_linear(out, p + n.key, a->key);
      put_linear(out, p + n.value, a->value);
      put_linear(out, p + n.attention_out, a->output);
      put_norm(out, p + n.attention_norm, a->norm);
    }
    if (const auto& f = m.arch.layers[i].ffn) {
      put_linear(out, p + n.ffn_in, f->in);
      put_linear(out, p + n.ffn_out, f->out);
      put_norm(out, p + n.ffn_norm, f->norm);
    }
  }
}

// transformers' name of the activation.
const char* hidden_act(model::Activation a) {
  switch (a) {
    case model::Activation::gelu_tanh:
      return "gelu_new";
    case model::Activation::relu:
      return "relu";
    case model::Activation::silu:
      return "silu";
    case model::Activation::tanh:
      return "tanh";
    case model::Activation::gelu_erf:
    case model::Activation::none:
      break;
  }
  return "gelu";
}

void put_labels(Json* json, const model::Model& m) {
  if (m.arch.question_answering) return;
  // A hundred thousand names that say nothing would be a file too long to read.
  constexpr size_t kMany = 1000;
  bool named = false;
  for (size_t i = 0; i < m.provenance.labels.size(); ++i) {
    named = named || m.provenance.labels[i] != "LABEL_" + std::to_string(i);
  }
  if (!named && m.provenance.labels.size() > kMany) {
    (*json)["num_labels"] = m.arch.num_labels;
    return;
  }
  for (size_t i = 0; i < m.provenance.labels.size(); ++i) {
    (*json)["id2label"][std::to_string(i)] = m.provenance.labels[i];
    (*json)["label2id"][m.provenance.labels[i]] = i;
  }
  if (m.arch.regression) (*json)["problem_type"] = "regression";
}

// The smallest F of the layers that have one: where layers differ, a larger number would say that
// units were pruned away. 0: no layer has one.
int64_t smallest_ffn(const model::Model& m) {
  int64_t least = 0;
  for (const model::Layer& layer : m.arch.layers) {
    if (!layer.ffn) continue;
    const int64_t f = layer.ffn->in.out;
    least = least == 0 ? f : std::min(least, f);
  }
  return least;
}

// transformers' prune_heads leaves smaller tensors and this list; which of the heads went means
// nothing any more.
void put_pruned_heads(Json* json, const model::Model& m, int64_t heads) {
  for (size_t i = 0; i < m.arch.layers.size(); ++i) {
    const auto& a = m.arch.layers[i].attention;
    for (int64_t h = a ? a->heads : heads; h < heads; ++h) {
      (*json)["pruned_heads"][std::to_string(i)].push_back(h);
    }
  }
}

// The keys that dialects have in common, as the unpruned model has them. DistilBERT's names for
// them are put in by its own function.
void put_common(SavedModel* out, const model::Model& m) {
  Json& j = out->json;
  const int64_t heads = out->config->num_attention_heads.value_or(kDefaultHeads);
  j["model_type"] = saved_type(out->family, *out->config);
  j["hidden_size"] = m.arch.head_size * heads;
  j["num_hidden_layers"] = m.arch.layers.size();
  j["num_attention_heads"] = heads;
  if (const int64_t f = smallest_ffn(m); f > 0) j["intermediate_size"] = f;
  j["vocab_size"] = m.arch.vocab_size;
  j["max_position_embeddings"] = m.arch.max_length + m.arch.embeddings.position_offset;
  if (m.arch.embeddings.type != model::kNone) j["type_vocab_size"] = m.arch.type_vocab_size;
  j["layer_norm_eps"] = out->config->layer_norm_eps;
  j["hidden_act"] = hidden_act(m.arch.activation);
  if (out->family == Family::roberta) {
    j["bos_token_id"] = out->config->bos_token_id.value_or(0);
    j["pad_token_id"] = m.arch.embeddings.pad_token();
    j["eos_token_id"] = out->config->eos_token_id.value_or(2);
  } else {
    j["pad_token_id"] = out->config->pad_token_id.value_or(0);
  }
  if (!out->config->tokenizer_class.empty()) j["tokenizer_class"] = out->config->tokenizer_class;
  put_labels(&j, m);
  if (!m.provenance.task.empty()) j["finetuning_task"] = m.provenance.task;
  put_pruned_heads(&j, m, heads);
}

const Dialect& dialect_of(const model::Model& m) {
  for (const Dialect& d : dialects()) {
    if (m.provenance.dialect.starts_with(d.name)) return d;
  }
  fail(ErrorKind::internal, "no dialect is called {}", m.provenance.dialect);
}

void write_text(const std::string& path, const Json& json) {
  FileWriter file(path);
  file.write(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  file.finish();
}

}  // namespace

void put(SavedModel* out, const std::string& name, model::ParameterId id) {
  if (id != model::kNone) (*out->parameters)[id].name = name;
}

void put_linear(SavedModel* out, const std::string& name, const model::Linear& l) {
  put(out, name + ".weight", l.weight);
  put(out, name + ".bias", l.bias);
}

void put_head(SavedModel* out, const std::string& pooler, const std::string& classifier,
              const model::Head& head) {
  if (head.pooler) put_linear(out, pooler, *head.pooler);
  put_linear(out, classifier, head.classifier);
}

void put_architecture(SavedModel* out, const std::string& before, bool question_answering) {
  const std::string type = out->json["model_type"];
  out->json["architectures"] = {
      before + find_model_type(type)->class_prefix +
      (question_answering ? "ForQuestionAnswering" : "ForSequenceClassification")};
}

SavedModel name_model(model::Model* m, const Config& config) {
  SavedModel out;
  out.config = &config;
  out.parameters = &m->parameters;
  out.family = m->arch.family;
  // The encoder's name in every class of a family is that of its first type.
  out.prefix = first_of(out.family).name + std::string(".");
  for (model::Parameter& p : m->parameters.list) p.name.clear();
  const model::Embeddings& e = m->arch.embeddings;
  m->parameters[e.position].tensor.shape[0] = m->arch.max_length + e.position_offset;
  put_embeddings(&out, *m);
  put_layers(&out, *m);
  put_common(&out, *m);
  dialect_of(*m).save(*m, &out);
  return out;
}

std::map<std::string, model::ParameterId> saved_names(const model::Model& m) {
  std::map<std::string, model::ParameterId> names;
  for (const model::ParameterId id : model::parameters_in_use(m.arch)) {
    const model::Parameter& p = m.parameters[id];
    if (p.name.empty() || !names.emplace(p.name, id).second) {
      fail(ErrorKind::internal, "{}has no name of its own in {}", tensor_place(p.tensor),
           m.provenance.dialect);
    }
  }
  return names;
}

void record_source(SavedModel* saved, const model::Model& m, const SavedFrom& from,
                   std::optional<DType> dtype) {
  std::set<DType> dtypes;
  model::for_each_parameter(
      m, [&](const model::Parameter& p) { dtypes.insert(stored_dtype(p.tensor.dtype, dtype)); });
  // Embeddings and layers are the bulk; transformers wants one name.
  if (dtypes.size() == 1 && !dtypes.contains(DType::i8)) {
    saved->json["torch_dtype"] = *dtypes.begin() == DType::f32   ? "float32"
                                 : *dtypes.begin() == DType::f16 ? "float16"
                                                                 : "bfloat16";
  }
  Json& j = saved->json["costeff"];
  j["version"] = kVersion;
  j["dialect"] = saved->dialect;
  j["head_size"] = m.arch.head_size;
  for (const model::Layer& layer : m.arch.layers) {
    j["attention_sizes"].push_back(layer.attention ? layer.attention->query.out : 0);
    j["ffn_sizes"].push_back(layer.ffn ? layer.ffn->in.out : 0);
  }
  for (const model::Head& head : m.arch.heads) j["exits"].push_back(head.layer);
  if (m.provenance.compute != ComputeType::float32)
    j["compute"] = m.provenance.compute == ComputeType::int8 ? "int8" : "bfloat16";
  j["policy"] = m.provenance.policy ? exit_policy_json(*m.provenance.policy) : Json();
  j["source"] = {{"name", from.name}, {"dialect", from.dialect}, {"dtype", from.dtype}};
}

DType stored_dtype(DType have, std::optional<DType> asked) {
  return asked.value_or(have == DType::f64 ? DType::f32 : have);
}

bool write_model(const SavedModel& saved, const model::Model& m, std::optional<DType> dtype,
                 const std::string& dir, const std::atomic<bool>* stop) {
  write_text(join_path(dir, "config.json"), saved.json);
  if (m.provenance.policy)
    write_text(join_path(dir, "exit_policy.json"), exit_policy_json(*m.provenance.policy));
  std::vector<TensorToWrite> tensors;
  std::deque<Tensor> scales;
  for (const auto& [name, id] : saved_names(m)) {
    const Tensor& t = m.parameters.tensor(id);
    tensors.push_back({name, &t, stored_dtype(t.dtype, dtype)});
    if (tensors.back().dtype != DType::i8) continue;
    scales.push_back({.name = name + "_scale",
                      .dtype = DType::f32,
                      .shape = {t.shape[0]},
                      .data = t.scale,
                      .file = t.file});
    tensors.push_back({scales.back().name, &scales.back(), DType::f32});
  }
  return write_safetensors(join_path(dir, "model.safetensors"), std::move(tensors), stop);
}

}  // namespace costeff::checkpoint
