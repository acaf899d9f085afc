#pragma once

// One verb, one file. Each adds its subcommand to the app and sets the function that runs it.

#include <CLI/CLI.hpp>
#include <atomic>
#include <functional>

namespace costeff::cli {

// Set by SIGINT, SIGTERM and SIGHUP. Loops that read look at it.
extern std::atomic<bool> interrupted;

// Ends every help.
inline constexpr const char* kExitCodes =
    "Exit codes:\n"
    "  0 success, 1 anything else, 2 wrong usage, 3 wrong input data, 4 wrong model,\n"
    "  5 output cannot be written, 141 nobody reads the output; ended by a signal:\n"
    "  130 interrupt (Ctrl-C), 143 terminate, 129 hangup\n"
    "An error is one line on stderr.";

void add_bench(CLI::App* app, std::function<int()>* run);
void add_convert(CLI::App* app, std::function<int()>* run);
void add_diff(CLI::App* app, std::function<int()>* run);
void add_eval(CLI::App* app, std::function<int()>* run);
void add_help(CLI::App* app, std::function<int()>* run);
void add_infer(CLI::App* app, std::function<int()>* run);
void add_inspect(CLI::App* app, std::function<int()>* run);
void add_sweep(CLI::App* app, std::function<int()>* run);
void add_quantize(CLI::App* app, std::function<int()>* run);
void add_tokenize(CLI::App* app, std::function<int()>* run);
void add_tune(CLI::App* app, std::function<int()>* run);

}  // namespace costeff::cli
