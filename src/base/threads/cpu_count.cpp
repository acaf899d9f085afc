#include "base/threads/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <thread>

#include "base/threads/cgroup.h"

namespace costeff {

int64_t usable_cpus() {
  int64_t n = std::thread::hardware_concurrency();
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) n = CPU_COUNT(&set);
  if (const int64_t limit = cgroup_cpus(); limit > 0) n = std::min(n, limit);
  return std::max<int64_t>(n, 1);
}

}  // namespace costeff
