#pragma once

// MODEL on the command line: a directory, or the name of an installed model.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace costeff::cli {

// Whether the value of an argument or flag is a model that is read.
bool names_model(const CLI::Option& option);

// The directories that hold installed models, in the order in which they are searched: those that
// the environment variable COSTEFF_MODELS lists, separated by colons, then share/costeff/models
// beside the directory of the program.
std::vector<std::string> model_places();

// The names of all installed models, sorted, each once.
std::vector<std::string> installed_models();

// The directory that `model` means: `model` itself, but for a name without a slash of which there
// is no directory here the installed model of that name, if there is one.
std::string model_directory(const std::string& model);

// Has every MODEL that a command line gives the verb replaced with its model_directory, and the help
// say so.
void accept_model_names(CLI::App* verb);

// Throws Error(model) that says where it looked, if `model` is a name without a slash of which there
// is nothing. Called where a model is opened, after the flags are checked.
void check_model_found(const std::string& model);

}  // namespace costeff::cli
