#pragma once

#include <atomic>
#include <cstdint>

namespace costeff::cli {

// The number of rows that can be read already, because they were not written to a temporary file.
extern std::atomic<int64_t> rows_out;

// A mapped file that becomes shorter while it is read raises SIGBUS. After this call that ends the
// process with one line on stderr that names the file and with the exit code of a wrong model;
// temporary files are removed. Any other SIGBUS does what it did before. For the program alone: a
// library has no business with the signals of its host.
void catch_bus_errors();

}  // namespace costeff::cli
