#pragma once

// Measures the most that this machine can do, with which `costeff bench` compares.

#include <costeff/options.h>

#include <cstdint>
#include <string>

namespace costeff {

// "AMD EPYC 9B45", as the system names it; "" if it does not.
std::string cpu_name();

struct MachinePeak {
  std::string cpu;      // cpu_name()
  std::string kernels;  // name of the kernel table
  int64_t threads = 0;
  double gmacs_per_s = 0;    // 1e9 multiply-accumulates a second, all threads together; 0: unknown
  double read_gb_per_s = 0;  // 1e9 bytes a second read from memory, all threads together
};

// Measures multiply-accumulates on registers only, with the instructions that products in `compute` use,
// and reads of a buffer larger than the caches, on `threads` threads (0: all that may be used). Takes
// about half a second. Throws Error(usage) for a wrong isa.
MachinePeak measure_machine(const std::string& isa, ComputeType compute, int64_t threads);

}  // namespace costeff
