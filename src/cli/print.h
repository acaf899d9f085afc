#pragma once

#include <string_view>

namespace costeff::cli {

// Exit codes that shells use for a process that a signal has ended.
inline constexpr int kInterrupted = 128 + 2;
inline constexpr int kPipeClosed = 128 + 13;

// Writes a whole answer to standard output. Returns the exit code: 0, or kPipeClosed when nobody
// reads it. Throws Error(output).
int print(std::string_view text);

}  // namespace costeff::cli
