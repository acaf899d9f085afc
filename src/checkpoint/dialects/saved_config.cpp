// config.json of a model that is written.

#include <costeff/version.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/format.h"
#include "checkpoint/dialects/save_model.h"
#include "checkpoint/exit_policy.h"
#include "checkpoint/model_type.h"

namespace costeff::checkpoint {
namespace {

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
  // A hundred thousand names that say nothing would make a file too long to read.
  constexpr size_t kMany = 1000;
  if (m.provenance.labels.size() > kMany && model::are_unnamed(m.provenance.labels)) {
    (*json)["num_labels"] = m.arch.num_labels;
    return;
  }
  for (size_t i = 0; i < m.provenance.labels.size(); ++i) {
    (*json)["id2label"][fmt::format("{}", i)] = m.provenance.labels[i];
    (*json)["label2id"][m.provenance.labels[i]] = i;
  }
  if (is_regression(m.arch)) (*json)["problem_type"] = "regression";
  if (is_multi_label(m.arch)) (*json)["problem_type"] = "multi_label_classification";
}

// The smallest F of the layers that have one; 0 if none has. If layers differ, a larger number would say
// that units were pruned away.
int64_t smallest_ffn(const model::Model& m) {
  int64_t least = 0;
  for (const model::Layer& layer : m.arch.layers) {
    const int64_t f = layer.ffn ? layer.ffn->in.out : 0;
    if (f == 0) continue;
    least = least == 0 ? f : std::min(least, f);
  }
  return least;
}

// transformers' prune_heads leaves smaller tensors and this list. Which heads it names no longer
// matters. ALBERT's list counts the layers in the file.
void put_pruned_heads(SavedModel* out, const model::Model& m, int64_t heads) {
  const std::vector<int64_t> first = model::shared_layers(m.arch);
  for (size_t i = 0; i < m.arch.layers.size(); ++i) {
    auto number = static_cast<int64_t>(i);
    if (first[i] != number) continue;
    if (out->family == Family::albert) {
      const int64_t inner = out->albert.inner;
      number = out->albert.group_of(number / inner) * inner + number % inner;
    }
    const auto& a = m.arch.layers[i].attention;
    for (int64_t h = a ? a->heads : heads; h < heads; ++h) {
      out->json["pruned_heads"][fmt::format("{}", number)].push_back(h);
    }
  }
}

// Keys of ELECTRA, ALBERT and ERNIE.
void put_family_keys(SavedModel* out, const model::Model& m) {
  Json& j = out->json;
  const model::Embeddings& e = m.arch.embeddings;
  if (out->family == Family::electra || out->family == Family::albert)
    j["embedding_size"] = m.arch.embedding_size();
  if (out->family == Family::albert) {
    j["num_hidden_layers"] = out->albert.blocks;
    j["num_hidden_groups"] = out->albert.groups;
    j["inner_group_num"] = out->albert.inner;
    j["bos_token_id"] = out->config->bos_token_id.value_or(2);
    j["eos_token_id"] = out->config->eos_token_id.value_or(3);
  }
  if (out->family == Family::ernie) {
    j["use_task_id"] = e.task != model::kNone;
    if (e.task != model::kNone) j["task_type_vocab_size"] = m.parameters.tensor(e.task).shape[0];
  }
}

}  // namespace

void put_dropout(SavedModel* out, const model::Head& head) {
  const bool distilbert = out->family == Family::distilbert;
  if (!head.dropout ||
      *head.dropout == (distilbert ? model::kDistilBertDropout : model::kAlbertDropout))
    return;
  out->json[distilbert ? "seq_classif_dropout" : "classifier_dropout_prob"] =
      std::round(1e6 * static_cast<double>(*head.dropout)) / 1e6;
}

void put_common_keys(SavedModel* out, const model::Model& m) {
  Json& j = out->json;
  const int64_t heads = out->config->heads();
  j["model_type"] = written_type(out->family, out->config->model_type).name;
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
  put_family_keys(out, m);
  if (!out->config->tokenizer_class.empty()) j["tokenizer_class"] = out->config->tokenizer_class;
  put_labels(&j, m);
  if (!m.provenance.task.empty()) j["finetuning_task"] = m.provenance.task;
  put_pruned_heads(out, m, heads);
}

void put_architecture(SavedModel* out, const std::string& before, bool question_answering) {
  const std::string type = out->json["model_type"];
  out->json["architectures"] = {
      before + find_model_type(type)->class_prefix +
      (question_answering ? "ForQuestionAnswering" : "ForSequenceClassification")};
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

}  // namespace costeff::checkpoint
