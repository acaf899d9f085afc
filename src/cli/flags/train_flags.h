#pragma once

// The flags of costeff train.

#include <costeff/train.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/flags/pass_flags.h"

namespace costeff::cli {

struct TrainFlags {
  PassFlags pass;  // model: the backbone; data: rows to train on; of the rest, how to read them
  std::vector<std::string> dev;
  std::optional<double> dev_share;
  std::string output;

  std::string labels, metric;
  bool regression = false, multi_label = false;

  std::string recipe = "plain", teacher, exits = "all", pooling = "auto", dialect;
  std::optional<double> learning_rate, head_learning_rate, epochs, warmup, decay, dropout,
      attention_dropout;
  std::optional<int64_t> batch;
  double clip = 1, label_smoothing = 0, temperature = 1;
  std::string freeze, class_weights, pos_weight;
  int64_t micro_batch = 0, first_exit = 1, max_length = 0, seed = 42;

  int64_t eval_every = 0, early_stop = 0;
  std::string best_by, time_limit, memory_budget = "1G", dtype = "float32", isa;
  std::string log, report;
  bool resume = false, dry_run = false, json = false;
};

// Adds the subcommand with all its flags and its help.
CLI::App* add_train_flags(CLI::App* app, TrainFlags* flags);

// --data, --dev, labels and bad rows, of any verb that reads labelled rows to make a model of. rows: what
// --data is for, "Rows to train on".
void add_labelled_data_flags(CLI::App* sub, const char* rows, TrainFlags* flags);
// Of these, of MODEL and of -o. Throws Error(usage), and Error(input) for data that is not there.
void check_labelled_data(const TrainFlags& flags, const char* verb);

// Flags that are missing or wrong, before anything is read. Throws Error(usage), and Error(input)
// for data that is not there.
void check_train_flags(const TrainFlags& flags, const char* verb = "train");

// What the flags alone decide; labels, task, metric and class weights are left to the caller. Throws
// Error(usage), also for layers that the backbone does not have.
TrainOptions train_options(const TrainFlags& flags, const BackboneInfo& backbone);

// --class-weights: numbers, or none for "balanced" and without the flag. Throws Error(usage).
std::vector<double> given_class_weights(const TrainFlags& flags);
// --pos-weight, likewise.
std::vector<double> given_pos_weights(const TrainFlags& flags);

// "embeddings,1-3,6". Throws Error(usage).
struct FrozenParts {
  bool embeddings = false;
  std::vector<int64_t> layers;  // ascending
};
FrozenParts parse_frozen(const std::string& text);

}  // namespace costeff::cli
