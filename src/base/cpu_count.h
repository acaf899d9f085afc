#pragma once

#include <cstdint>

namespace costeff {

// Threads that this process may usefully run: its CPU affinity, or fewer if its control groups grant
// less CPU time. At least 1.
int64_t usable_cpus();

}  // namespace costeff
