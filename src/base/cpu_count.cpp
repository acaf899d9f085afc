#include "base/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <thread>

namespace costeff {
namespace {

// cpu.max of the cgroup holds "quota period" in microseconds, or "max period". 0: no limit known.
int64_t cgroup_cpus() {
  std::FILE* f = std::fopen("/sys/fs/cgroup/cpu.max", "re");
  if (!f) return 0;
  long long quota = 0, period = 0;
  const int n = std::fscanf(f, "%lld %lld", &quota, &period);
  std::fclose(f);
  if (n != 2 || quota <= 0 || period <= 0) return 0;
  return std::max<int64_t>(1, (quota + period - 1) / period);
}

}  // namespace

int64_t usable_cpus() {
  int64_t n = std::thread::hardware_concurrency();
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) n = CPU_COUNT(&set);
  if (const int64_t limit = cgroup_cpus(); limit > 0) n = std::min(n, limit);
  return std::max<int64_t>(n, 1);
}

}  // namespace costeff
