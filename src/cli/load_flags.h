#pragma once

// Flags that say how a model is loaded: which kernels, which precision, how strictly.

#include <costeff/engine.h>
#include <costeff/options.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace costeff::cli {

struct LoadFlags {
  std::string isa, dtype;
  bool ignore_unused = false;
};
void add_load_flags(CLI::App* app, const char* group, LoadFlags* flags);
// --ignore-unused alone, for verbs that do not choose how to compute.
void add_ignore_unused(CLI::App* app, const std::string& group, bool* flag);

// Throws Error(usage).
LoadOptions load_options(const LoadFlags& flags);

// The model, with its warnings on standard error.
Engine load_engine(const std::string& model, const LoadOptions& options);
// ModelInfo::warnings and the like: said whatever --quiet asks.
void say_model_warnings(const std::vector<std::string>& warnings);

// "avx512-dots, int8": what a model that was loaded so computes with.
std::string kernels_text(const LoadFlags& flags, ComputeType compute);

}  // namespace costeff::cli
