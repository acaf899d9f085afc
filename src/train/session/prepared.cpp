#include "train/session/prepared.h"

#include <algorithm>

#include "base/fail.h"
#include "train/session/estimate.h"
#include "train/session/plan.h"

namespace costeff::train {
namespace {

TrainOptions completed(TrainOptions o) {
  if (recipe_row(o.recipe).embeddings_stay) o.freeze_embeddings = true;
  return o;
}

}  // namespace

Prepared::Prepared(const std::string& backbone, const std::vector<TrainRow>& train,
                   std::vector<TrainRow> dev_rows_as_text, TrainOptions train_options)
    : options(completed(std::move(train_options))),
      dev(std::move(dev_rows_as_text)),
      path(backbone),
      tokenizer(backbone),
      opened(open()) {
  if (train.empty()) throw_input("no rows to train on, expected some");
  const model::Model& m = opened.backbone.model;
  rows = encode_rows(m, tokenizer, train, opened.settings.max_length, options.doc_stride);
  dev_rows = encode_rows(m, tokenizer, dev, opened.settings.max_length, options.doc_stride);
  if (!options.teacher.empty())
    check_same_ids(tokenizer, text::Tokenizer(options.teacher), options.teacher, train);
  plan = make_plan(opened, options, rows, dev_rows);
  shop = std::make_unique<Workshop>(&opened, options);
  plan.memory = plan_memory(*this);
  // A teacher that does not fit a later stage is refused before the first one.
  for (size_t i = 0; shop->teacher && i < plan.stages.size(); ++i)
    const Stage stage(static_cast<int64_t>(i), options, opened.settings, shop.get(), rows.rows);
}

Opened Prepared::open() const {
  Opened o;
  o.backbone = checkpoint::load_backbone(path);
  model::Model& m = o.backbone.model;
  check_vocabulary(tokenizer, m);
  const int64_t longest =
      std::min(m.arch.max_length, tokenizer.model_max_length().value_or(m.arch.max_length));
  o.settings = settle(options, m.arch, longest);
  o.notes = m.provenance.warnings;
  for (std::string& note : choose_exits(options, &o.backbone)) o.notes.push_back(std::move(note));
  m.provenance.task = options.task;
  return o;
}

Judging Prepared::judging() const {
  return {.kernels = opened.settings.kernels,
          .tokenizer = &tokenizer,
          .gold = dev,
          .rows = dev_rows.rows,
          .first_window = dev_rows.first_window,
          .metric = options.metric,
          .threads = opened.settings.threads};
}

}  // namespace costeff::train
