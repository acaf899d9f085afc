#pragma once

// Answers on standard output, remarks on standard error, and how a run ends early.

#include <fmt/core.h>

#include <atomic>
#include <string>
#include <string_view>
#include <utility>

#include "tasks/write/output_file.h"

namespace costeff::cli {

// Set by SIGINT, SIGTERM and SIGHUP. Loops that read look at it.
extern std::atomic<bool> interrupted;

// Exit codes that shells use for a process that a signal has ended. A verb that a signal ends
// returns kInterrupted; main makes it 128 + the number of that signal.
inline constexpr int kInterrupted = 128 + 2;
inline constexpr int kPipeClosed = 128 + 13;

// Writes a whole answer to standard output. Returns the exit code: 0, or kPipeClosed when nobody
// reads it. Throws Error(output).
int print(std::string_view text);

// The same for a file that was opened before the work began. Returns kInterrupted if a signal came.
int write_output(tasks::OutputFile* output, const std::string& text);

// The line "costeff: TEXT" on standard error, with control characters made visible. Never throws
// because standard error cannot be written.
void say_text(std::string_view text);
template <typename... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  say_text(fmt::format(format, std::forward<Args>(args)...));
}

// "1 row", "2 rows".
std::string counted(int64_t n, std::string_view one, std::string_view many);

// Ends the line in which a terminal has shown ^C, before the first remark on an interruption.
void end_typed_line();

}  // namespace costeff::cli
