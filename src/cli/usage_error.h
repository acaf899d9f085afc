#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace costeff::cli {

// One line for a command line that CLI11 refuses: what is wrong, what was expected (the nearest
// name, if any is near) and which help to read.
std::string usage_error_text(const CLI::App& app, const CLI::ParseError& error);

// "unknown verb "infre" (did you mean infer?)", or with the list of all verbs.
std::string unknown_verb_text(const CLI::App& app, const std::string& verb);

}  // namespace costeff::cli
