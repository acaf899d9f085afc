#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace costeff::cli {

// A flag's value must be a decimal whole number from low to high; the message says so.
CLI::Validator whole_number(int64_t low, int64_t high);

// The same of a finite number, with or without a fraction.
CLI::Validator number_between(double low, double high);

// An output file that is one of the files read would replace it, which nobody means: throws
// Error(usage). Names that are no regular file, such as -, pass.
void refuse_to_replace(const std::string& output, const std::vector<std::string>& inputs);

// MODEL is a file and one of the inputs a checkpoint directory: throws Error(usage) that says so.
void check_not_swapped(const std::string& model, const std::vector<std::string>& inputs);

// Two names of one file, also of one that is not there yet, as b and ./b.
bool same_place(const std::string& a, const std::string& b);

inline constexpr int64_t kMostLayers = 1000;  // that a flag can name
inline constexpr int64_t kMostBatchTokens = int64_t{1} << 20;

// --threads, and --batch-tokens unless null, as RunOptions has them: the same for every verb.
void add_thread_flags(CLI::App* verb, const std::string& group, int64_t* threads,
                      int64_t* batch_tokens);

// Flags that take one value may be given again, the last one counts, as scripts that append to a
// command line expect. An empty value, a script's unset variable, is no value. Call it when all
// flags are added.
void finish_flags(CLI::App* verb);

}  // namespace costeff::cli
