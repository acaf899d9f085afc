#pragma once

// A trained model as a directory.

#include <costeff/train.h>

#include <string>
#include <vector>

#include "checkpoint/config.h"
#include "model/spec.h"

namespace costeff::train {

// Writes the model, whose weights training may go on to change, and the tokenizer of `backbone` to the
// new directory `dir`, which appears complete or not at all. beside: tensors that no exit reads, kept for
// further training. Returns the names of its files. Throws Error(output).
std::vector<std::string> save_model(const model::Model& model, const checkpoint::Config& config,
                                    const std::string& backbone, const std::string& dir,
                                    std::vector<Tensor> beside = {});

// Writes a record into a finished model's directory, which then takes its place as `out`. Returns the names of
// its files. Throws Error(output).
std::vector<std::string> move_finished(const std::string& dir, const std::string& record_name,
                                       const std::string& record, const std::string& out);

// The text of training.json.
struct RunState;
std::string training_record(const std::string& backbone, const TrainOptions& options,
                            const TrainPlan& plan, const RunState& state,
                            const TrainResult& result);

}  // namespace costeff::train
