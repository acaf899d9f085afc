#include "checkpoint/dialects/save_model.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "base/files/file_bytes.h"
#include "base/files/file_writer.h"
#include "checkpoint/containers/safetensors_writer.h"
#include "checkpoint/dialects/dialects.h"
#include "checkpoint/encoder.h"
#include "checkpoint/exit_policy.h"

namespace costeff::checkpoint {
namespace {

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
  put(out, p + "task_type_embeddings.weight", e.task);
  put_norm(out, p + "LayerNorm", e.norm);
  if (!e.map) return;
  const bool albert = out->family == Family::albert;
  put_linear(out,
             out->prefix + (albert ? "encoder.embedding_hidden_mapping_in" : "embeddings_project"),
             *e.map);
}

std::string layer_name(const SavedModel& out, size_t layer) {
  if (out.family == Family::albert)
    return out.prefix + out.albert.layer_prefix(static_cast<int64_t>(layer));
  return fmt::format("{}{}{}.", out.prefix, layer_names(out.family).layer, layer);
}

void put_layers(SavedModel* out, const model::Model& m) {
  const LayerNames& n = layer_names(out->family);
  for (size_t i = 0; i < m.arch.layers.size(); ++i) {
    const std::string p = layer_name(*out, i);
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

SavedModel name_model(model::Model* m, const Config& config) {
  SavedModel out;
  out.config = &config;
  out.parameters = &m->parameters;
  out.family = m->arch.family;
  out.prefix = written_type(out.family, config.model_type).prefix;
  if (out.family == Family::albert) {
    const auto layout = albert_layout_of(m->arch, config.inner_group_num.value_or(1));
    if (!layout)
      fail(ErrorKind::internal, "no number of groups says which of the layers share weights");
    out.albert = *layout;
  }
  for (model::Parameter& p : m->parameters.list) p.name.clear();
  const model::Embeddings& e = m->arch.embeddings;
  m->parameters[e.position].tensor.shape[0] = m->arch.max_length + e.position_offset;
  put_embeddings(&out, *m);
  put_layers(&out, *m);
  put_common_keys(&out, *m);
  dialect_named(m->provenance.dialect).save(*m, &out);
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
  for (const Tensor& t : saved.beside) tensors.push_back({t.name, &t, DType::f32});
  return write_safetensors(join_path(dir, "model.safetensors"), std::move(tensors), stop);
}

}  // namespace costeff::checkpoint
