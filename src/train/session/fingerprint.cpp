#include "train/session/fingerprint.h"

#include <costeff/engine.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "base/files/content_hash.h"
#include "base/format.h"
#include "base/utf8.h"

namespace costeff::train {
namespace {

constexpr size_t kLongestValue = 60;  // bytes of a setting in a message

template <typename T>
void add(std::span<const T> values, ContentHash* hash) {
  hash->add({reinterpret_cast<const char*>(values.data()), values.size_bytes()});
}

void add_rows(const Encoded& rows, ContentHash* hash) {
  for (const Row& row : rows.rows) {
    const int64_t sizes[2]{static_cast<int64_t>(row.ids.size()),
                           static_cast<int64_t>(row.types.size())};
    add(std::span<const int64_t>(sizes), hash);
    add(std::span<const int32_t>(row.ids), hash);
    add(std::span<const int32_t>(row.types), hash);
    add(std::span<const int32_t>(&row.label, 1), hash);
    add(std::span<const float>(&row.score, 1), hash);
    const auto labels = static_cast<int64_t>(row.labels.size());
    if (labels > 0) add(std::span<const int64_t>(&labels, 1), hash);
    add(std::span<const int32_t>(row.labels), hash);
  }
}

std::string hash_of_rows(const Encoded& rows) {
  ContentHash hash;
  add_rows(rows, &hash);
  return hash.text();
}

std::string hash_of_weights(const grad::TrainedWeights& weights) {
  ContentHash hash;
  for (int64_t i = 0; i < weights.count(); ++i)
    add(std::span<const float>(weights[static_cast<model::ParameterId>(i)].value), &hash);
  return hash.text();
}

// These say in letters that nobody can read that something differs; it may follow from a setting.
constexpr std::array<std::string_view, 4> kHashes{
    "rows to train on", "rows to judge by", "weights of the backbone", "weights of the teacher"};

}  // namespace

nlohmann::ordered_json run_identity(const Prepared& p) {
  const TrainOptions& o = p.options;
  const Settings& s = p.opened.settings;
  const Workshop& shop = *p.shop;
  nlohmann::ordered_json j{{"recipe", s.recipe->recipe.name},
                           {"dialect", p.plan.dialect},
                           {"exits at layers", p.plan.exits},
                           {"pooling of exits", static_cast<int>(o.pooling)},
                           {"labels", o.labels},
                           {"learning rate", s.learning_rate},
                           {"learning rate of exits", s.head_learning_rate},
                           {"epochs", s.epochs},
                           {"batch", s.batch},
                           {"warm-up", s.warmup},
                           {"weight decay", s.decay},
                           {"clipping norm", o.clip},
                           {"dropout", s.dropout},
                           {"attention dropout", s.attention_dropout},
                           {"frozen embeddings", o.freeze_embeddings},
                           {"frozen layers", o.freeze_layers},
                           {"class weights", o.class_weights},
                           {"weights of present labels", o.pos_weights},
                           {"document stride", o.doc_stride},
                           {"problem", static_cast<int>(o.problem)},
                           {"label smoothing", o.label_smoothing},
                           {"temperature", o.temperature},
                           {"first exit", o.first_exit},
                           {"share of steps for hidden states", o.hidden_share},
                           {"seed", o.seed},
                           {"max length", s.max_length},
                           {"steps between evaluations", p.plan.eval_every},
                           {"metric", o.metric_name},
                           {"best by", best_by_name(s.best_by)},
                           {"dtype", compute_type_name(o.compute)},
                           {"kernels", s.kernels->name},
                           {kHashes[0], hash_of_rows(p.rows)},
                           {kHashes[1], hash_of_rows(p.dev_rows)},
                           {kHashes[2], hash_of_weights(*shop.weights)}};
  // DistilBERT's classifier has its own.
  for (const model::Head& head : p.opened.backbone.model.arch.heads)
    j["dropout of exits"].push_back(head.dropout.value_or(s.dropout));
  if (shop.teacher_weights) j[kHashes[3]] = hash_of_weights(*shop.teacher_weights);
  return j;
}

std::string fingerprint(const nlohmann::ordered_json& identity) {
  ContentHash hash;
  hash.add(identity.dump(-1, ' ', false, Json::error_handler_t::replace));
  return hash.text();
}

std::string difference(const nlohmann::ordered_json& saved, const nlohmann::ordered_json& now) {
  const auto text = [](const nlohmann::ordered_json& j) {
    return printable(j.is_string() ? j.get<std::string>()
                                   : j.dump(-1, ' ', false, Json::error_handler_t::replace),
                     kLongestValue);
  };
  std::string settings, others;
  for (const auto& [name, value] : now.items()) {
    const auto before = saved.find(name);
    const bool known = before != saved.end();
    if (known && *before == value) continue;
    const bool hash = std::find(kHashes.begin(), kHashes.end(), name) != kHashes.end();
    std::string* to = hash ? &others : &settings;
    if (!to->empty()) *to += ", ";
    if (hash) {
      *to += "other " + name;
    } else {
      append_format(to, "{} {} (now {})", name, known ? text(*before) : "unknown", text(value));
    }
  }
  // Rows and weights as they are read follow from settings.
  return settings.empty() ? others : settings;
}

}  // namespace costeff::train
