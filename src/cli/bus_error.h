#pragma once

#include <atomic>
#include <cstdint>

namespace costeff::cli {

// Rows that can be read already, because they were written straight to where they go.
extern std::atomic<int64_t> rows_out;

// A mapped file that becomes shorter while it is read is a SIGBUS. From here on that is one line on
// stderr that names the file, and the end, with the exit code of a wrong model; temporary files are
// removed. Any other SIGBUS does what it did before. For the program alone: a library has no
// business with the signals of its host.
void catch_bus_errors();

}  // namespace costeff::cli
