#pragma once

// Flags that say how a model is loaded: which kernels, which precision.

#include <costeff/options.h>

#include <CLI/CLI.hpp>
#include <string>

namespace costeff::cli {

struct LoadFlags {
  std::string isa, dtype;
};
void add_load_flags(CLI::App* app, const char* group, LoadFlags* flags);

// Throws Error(usage).
LoadOptions load_options(const LoadFlags& flags);

// "avx512-dots, int8": what a model that was loaded so computes with.
std::string kernels_text(const LoadFlags& flags, ComputeType compute);

}  // namespace costeff::cli
