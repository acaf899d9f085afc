#pragma once

// One verb, one file. Each adds its subcommand to the app and sets the function that runs it.

#include <CLI/CLI.hpp>
#include <functional>

namespace costeff::cli {

// Set by SIGINT and SIGTERM. Loops that read look at it.
extern volatile bool interrupted;

void add_infer(CLI::App* app, std::function<int()>* run);
void add_inspect(CLI::App* app, std::function<int()>* run);

}  // namespace costeff::cli
