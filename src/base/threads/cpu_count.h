#pragma once

#include <cstdint>

namespace costeff {

// The number of threads that this process can usefully run: the CPUs of its affinity, or fewer if its
// control groups grant less CPU time. At least 1.
int64_t usable_cpus();

}  // namespace costeff
