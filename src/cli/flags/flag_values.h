#pragma once

// What a flag or an argument takes, for the completion of command lines. Values are checked where
// they are used; a test holds this beside the messages of those checks.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace costeff::cli {

enum class ValueKind {
  none,       // a flag that takes no value
  free,       // a number, a text, a name that depends on the data
  file,       // also a directory on the way to one
  directory,  //
  model,      // a directory, or the name of an installed model
  kernels,    // a name that depends on the CPU
  name,       // one of `names`
  names,      // several of them, separated by commas
};

struct FlagValues {
  ValueKind kind = ValueKind::free;
  std::vector<std::string> names;
};

// The word that stands for the value in the help: "X[,X...]", without what CLI11 appends of checks.
std::string value_word(const CLI::Option& option);

FlagValues values_of(const std::string& verb, const CLI::Option& option);

}  // namespace costeff::cli
