#pragma once

// Flags that say how a model is loaded: which kernels, which precision, how strictly.

#include <costeff/options.h>

#include <CLI/CLI.hpp>
#include <string>

namespace costeff::cli {

struct LoadFlags {
  std::string isa, dtype;
  bool ignore_unused = false;
};
void add_load_flags(CLI::App* app, const char* group, LoadFlags* flags);
// --isa alone, for training.
void add_isa_flag(CLI::App* app, const char* group, std::string* isa);
// --ignore-unused alone, for verbs that do not choose how to compute.
void add_ignore_unused(CLI::App* app, const std::string& group, bool* flag);

// Throws Error(usage).
LoadOptions load_options(const LoadFlags& flags);

// "avx512-dots, int8": what a model that was loaded with these flags computes with.
std::string kernels_text(const LoadFlags& flags, ComputeType compute);

}  // namespace costeff::cli
