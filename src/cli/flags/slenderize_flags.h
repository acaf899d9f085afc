#pragma once

// The flags of costeff slenderize.

#include <costeff/slender_train.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/flags/train_flags.h"

namespace costeff::cli {

struct SlenderizeFlags {
  // What is read, and how; settings of training; output, threads, isa, dry_run, json, seed.
  TrainFlags rows;
  std::string method = "fisher";

  // Size.
  std::optional<double> macs, parameters, sparsity, speedup;
  int64_t heads = 0, neurons = 0, rank = 0;
  bool exact = false;

  // Without training.
  std::string fit;                 // empty: refit
  std::optional<int64_t> at_most;  // rows to look at
  bool no_labels = false;

  // With training.
  std::string backbone;
  std::optional<double> epochs_scale, mask_rate;
  bool keep_stages = false;
};

// Adds the subcommand with all its flags and its help.
CLI::App* add_slenderize_flags(CLI::App* app, SlenderizeFlags* flags);

// Flags that are missing or wrong, or of another method, before anything is read. Throws Error(usage), and
// Error(input) for data that is not there.
void check_slenderize_flags(const SlenderizeFlags& flags);

// --method, sizes, --tune. Throw Error(usage).
bool trains_to_slenderize(const SlenderizeFlags& flags);
SlenderMethod slender_method(const SlenderizeFlags& flags);
// nullopt: none is given.
std::optional<SlenderTarget> slender_target(const SlenderizeFlags& flags);
SlenderFit slender_fit(const SlenderizeFlags& flags);

}  // namespace costeff::cli
