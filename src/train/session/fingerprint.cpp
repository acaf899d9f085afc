#include "train/session/fingerprint.h"

#include <span>

#include "base/files/content_hash.h"
#include "base/json/json.h"

namespace costeff::train {
namespace {

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
  }
}

void add_weights(const grad::TrainedWeights& weights, ContentHash* hash) {
  for (int64_t i = 0; i < weights.count(); ++i)
    add(std::span<const float>(weights[static_cast<model::ParameterId>(i)].value), hash);
}

std::string options_text(const Prepared& p) {
  const TrainOptions& o = p.options;
  const Settings& s = p.opened.settings;
  const Json j{s.recipe->recipe.name,
               s.learning_rate,
               s.head_learning_rate,
               s.epochs,
               s.batch,
               s.warmup,
               s.decay,
               s.dropout,
               s.attention_dropout,
               s.kernels->name,
               static_cast<int>(s.precision),
               static_cast<int>(s.best_by),
               o.clip,
               o.freeze_embeddings,
               o.freeze_layers,
               o.class_weights,
               o.label_smoothing,
               o.temperature,
               o.first_exit,
               o.seed,
               o.labels,
               p.plan.dialect,
               p.plan.exits,
               p.plan.eval_every};
  return j.dump();
}

}  // namespace

std::string fingerprint(const Prepared& prepared) {
  const Workshop& shop = *prepared.shop;
  ContentHash hash;
  hash.add(options_text(prepared));
  add_rows(prepared.rows, &hash);
  add_rows(prepared.dev_rows, &hash);
  add_weights(*shop.weights, &hash);
  if (shop.teacher_weights) add_weights(*shop.teacher_weights, &hash);
  return hash.text();
}

}  // namespace costeff::train
