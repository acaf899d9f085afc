#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>

namespace costeff::cli {

// A flag's value must be a decimal whole number from low to high; the message says so.
CLI::Validator whole_number(int64_t low, int64_t high);

// Flags that take one value may be given again, the last one counts, as scripts that append to a
// command line expect. Call it when all flags are added.
void let_last_value_win(CLI::App* verb);

}  // namespace costeff::cli
