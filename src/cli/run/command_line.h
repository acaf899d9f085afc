#pragma once

// The command line of this process, to tell the user how to go on.

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace costeff::cli {

// Called by main, before any verb runs.
void keep_command_line(int argc, char** argv);

// A word as a POSIX shell reads it: in quotes where it needs them.
std::string shell_quoted(std::string_view word);

// The command line as it was given, quoted for a shell.
std::string command_line();

// The flags that `verb` was given which say what is read and how it is computed, as far as another verb has them
// too; quoted for a shell, with a blank before each.
std::string shared_arguments(const CLI::App& verb, const CLI::App& other);

// The command line as it was given, quoted for a shell, with `flag` at its end unless it has it.
std::string command_line_with(const std::string& flag);

// Now, or the time that SOURCE_DATE_EPOCH gives: "2026-03-01T12:00:00Z".
std::string utc_date();

}  // namespace costeff::cli
