#pragma once

// The command line of this process, to tell the user how to go on.

#include <string>
#include <string_view>
#include <vector>

namespace costeff::cli {

// Called by main, before any verb runs.
void keep_command_line(int argc, char** argv);

// A word as a POSIX shell reads it: in quotes where it needs them.
std::string shell_quoted(std::string_view word);

// The command line as it was given, quoted for a shell, with `flag` at its end unless it has it.
std::string command_line_with(const std::string& flag);

}  // namespace costeff::cli
