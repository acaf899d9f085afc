#pragma once

// Rows and models of golden_train, ready for a step.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "golden/golden_data.h"
#include "grad/network.h"
#include "train/last_ramp.h"
#include "train/losses.h"
#include "train/objective.h"

namespace costeff {

struct Rows {
  grad::Batch batch;
  std::vector<int32_t> labels;
  std::vector<float> scores;
  train::Gold gold() const { return {labels, scores, {}, 0, {}, {}}; }
};

inline Rows read_rows(const std::string& dir, bool regression, size_t first = 0,
                      size_t count = SIZE_MAX) {
  const nlohmann::json batch = read_json_file(dir + "/batch.json");
  Rows rows;
  rows.batch.pad_token = batch.at("pad_id");
  const nlohmann::json& list = batch.at("rows");
  for (size_t i = first; i < list.size() && i < first + count; ++i) {
    const nlohmann::json& row = list[i];
    rows.batch.add(row.at("input_ids").get<std::vector<int32_t>>(),
                   row.value("token_type_ids", std::vector<int32_t>()), static_cast<uint32_t>(i));
    if (regression) {
      rows.scores.push_back(row.at("label"));
    } else {
      rows.labels.push_back(row.at("label"));
    }
  }
  return rows;
}

// Rows of a golden.jsonl, with labels that cycle.
inline Rows golden_rows(const std::vector<nlohmann::json>& lines, const model::Model& m,
                        size_t first = 0, size_t count = SIZE_MAX) {
  Rows rows;
  rows.batch.pad_token = m.arch.embeddings.pad_token();
  if (rows.batch.pad_token < 0) rows.batch.pad_token = 0;
  for (size_t i = first; i < lines.size() && i - first < count; ++i) {
    const nlohmann::json& line = lines[i];
    rows.batch.add(line.at("input_ids").get<std::vector<int32_t>>(),
                   line.value("token_type_ids", std::vector<int32_t>()), static_cast<uint32_t>(i));
    if (is_regression(m.arch)) {
      rows.scores.push_back(static_cast<float>(i) * 0.5f);
    } else {
      rows.labels.push_back(static_cast<int32_t>(static_cast<int64_t>(i) % m.arch.num_labels));
    }
  }
  return rows;
}

// A step of `rows` rows without class weights.
inline train::StepSize step_size(int64_t rows) { return {rows, static_cast<double>(rows)}; }

struct Precise {
  const kernels::KernelTable* table;
  kernels::Precision precision;
};

// A model, its training state and a forward pass of a batch.
struct Student {
  model::Model model;
  std::unique_ptr<grad::TrainedWeights> weights;
  std::unique_ptr<grad::Network> network;

  Student(const std::string& dir, const Precise& p) : model(checkpoint::load_model(dir, true)) {
    std::vector<model::Head> more;
    std::vector<model::Linear> maps;
    if (model.provenance.dialect.starts_with("berxit")) {
      more.push_back(train::last_ramp(&model));
      maps.push_back(*more.back().pooler);
    }
    weights = std::make_unique<grad::TrainedWeights>(&model, *p.table, p.precision, maps);
    network = std::make_unique<grad::Network>(weights.get(), more);
  }
};

}  // namespace costeff
