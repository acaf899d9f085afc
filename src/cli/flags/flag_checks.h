#pragma once

// What the flags of all verbs share: checks of values and of files, and the end of every help.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace costeff::cli {

// Ends every help.
inline constexpr const char* kExitCodes =
    "Exit codes:\n"
    "  0 success, 1 anything else, 2 wrong usage, 3 wrong input data, 4 wrong model,\n"
    "  5 output cannot be written, 141 nobody reads the output; ended by a signal:\n"
    "  130 interrupt (Ctrl-C), 143 terminate, 129 hangup\n"
    "An error is one line on stderr.";

inline constexpr int64_t kMaxLayers = 1000;  // the highest number of a layer that a flag takes
inline constexpr int64_t kMaxBatchTokens = int64_t{1} << 20;

// A flag's value must be a decimal whole number from low to high; the message says so.
CLI::Validator whole_number(int64_t low, int64_t high);

// The same for a finite number, with or without a fraction.
CLI::Validator number_between(double low, double high);

// Throws Error(usage) if the output is one of the input files, which it would replace. Names that
// are no regular file, such as -, pass.
void refuse_to_replace(const std::string& output, const std::vector<std::string>& inputs);

// Throws Error(usage) if the output is a file of a model directory that is read.
void refuse_inside(const std::string& output, const std::vector<std::string>& models);

// Throws Error(usage) if MODEL is a file and one of the inputs a checkpoint directory.
void check_not_swapped(const std::string& model, const std::vector<std::string>& inputs);

// Do both names mean one file, such as b and ./b? The file need not exist yet.
bool same_place(const std::string& a, const std::string& b);

// --threads, and --batch-tokens unless null, as in RunOptions: the same for every verb.
void add_thread_flags(CLI::App* verb, const std::string& group, int64_t* threads,
                      int64_t* batch_tokens);

// Lets a flag that takes one value be given again: the last one counts, as scripts expect that
// append to a command line. Refuses empty values, which come from variables that a script has not
// set. Call it after all flags are added.
void finish_flags(CLI::App* verb);

}  // namespace costeff::cli
