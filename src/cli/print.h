#pragma once

#include <string_view>

namespace costeff::cli {

// Exit codes that shells use for a process that a signal has ended. A verb that a signal ends
// returns kInterrupted; main makes it 128 + the number of that signal.
inline constexpr int kInterrupted = 128 + 2;
inline constexpr int kPipeClosed = 128 + 13;

// Writes a whole answer to standard output. Returns the exit code: 0, or kPipeClosed when nobody
// reads it. Throws Error(output).
int print(std::string_view text);

}  // namespace costeff::cli
