#pragma once

// All that a run begins from: options, rows as tokens, the backbone with its exits, the plan.

#include <costeff/train.h>

#include <memory>
#include <string>
#include <vector>

#include "text/tokenizer.h"
#include "train/session/data.h"
#include "train/session/evaluate.h"
#include "train/session/workshop.h"

namespace costeff::train {

struct Prepared {
  // Throws Error.
  Prepared(const std::string& backbone, const std::vector<TrainRow>& train,
           std::vector<TrainRow> dev, TrainOptions options);

  // The backbone again, with the same exits, for weights that are not those of the run.
  Opened open() const;
  Judging judging() const;

  TrainOptions options;
  std::vector<TrainRow> dev;
  std::string path;
  text::Tokenizer tokenizer;
  Opened opened;
  Encoded rows, dev_rows;
  std::unique_ptr<Workshop> shop;  // of the run
  TrainPlan plan;
};

}  // namespace costeff::train
