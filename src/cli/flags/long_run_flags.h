#pragma once

// --shard and --resume: parts of a big file, and runs that go on where one was interrupted.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

namespace costeff::cli {

struct LongRunFlags {
  std::string shard;  // "2/5"; empty: all
  bool resume = false;
};
void add_long_run_flags(CLI::App* app, LongRunFlags* flags);

struct Shard {
  int64_t part = 1, parts = 1;
};
// Of an empty text: part 1 of 1. Throws Error(usage).
Shard parse_shard(const std::string& text);

}  // namespace costeff::cli
