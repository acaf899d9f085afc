#pragma once

// One verb, one file. Each adds its subcommand to the app and sets the function that runs it, which
// returns the exit code.

#include <CLI/CLI.hpp>
#include <functional>

namespace costeff::cli {

void add_bench(CLI::App* app, std::function<int()>* run);
void add_completions(CLI::App* app, std::function<int()>* run);
void add_convert(CLI::App* app, std::function<int()>* run);
void add_diff(CLI::App* app, std::function<int()>* run);
void add_eval(CLI::App* app, std::function<int()>* run);
void add_help(CLI::App* app, std::function<int()>* run);
void add_infer(CLI::App* app, std::function<int()>* run);
void add_inspect(CLI::App* app, std::function<int()>* run);
void add_man(CLI::App* app, std::function<int()>* run);
void add_quantize(CLI::App* app, std::function<int()>* run);
void add_slenderize(CLI::App* app, std::function<int()>* run);
void add_sweep(CLI::App* app, std::function<int()>* run);
void add_tokenize(CLI::App* app, std::function<int()>* run);
void add_train(CLI::App* app, std::function<int()>* run);
void add_tune(CLI::App* app, std::function<int()>* run);

}  // namespace costeff::cli
