#pragma once

#include <cstdint>

namespace costeff {

// Threads that this process may usefully run: its CPU affinity, or fewer if the cgroup (v2) grants
// less CPU time. At least 1.
int64_t usable_cpus();

}  // namespace costeff
