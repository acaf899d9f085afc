#pragma once

// The flags of all verbs as plain data, of which manual pages and completions are made.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/flags/flag_values.h"

namespace costeff::cli {

struct FlagRow {
  std::vector<std::string> names;  // "-S", "--threshold"; of an argument its name alone, "MODEL"
  std::string value;               // "X[,X...]"; empty: takes none
  std::string usage;               // of an argument, "FILES..." or "[FILES...]"
  std::string text, group;
  std::string environment;  // the variable that sets it too; empty: none
  bool many = false;        // may be given more than once
  FlagValues values;
};

struct VerbTable {
  std::string name, text, footer;         // of the program the name is empty
  std::vector<FlagRow> arguments, flags;  // both in the order of the help
};

struct ProgramTable {
  VerbTable program;
  std::vector<VerbTable> verbs;  // in the order of the help
};

ProgramTable flag_table(const CLI::App& app);

}  // namespace costeff::cli
