#pragma once

#include <cstdint>
#include <string>

namespace costeff {

// CPUs' worth of time that the control groups of this process grant it, rounded up; 0: no limit
// known. Both versions, the group itself and those around it, of which the tightest counts:
//   v2  cpu.max            "QUOTA PERIOD" in microseconds, or "max PERIOD"
//   v1  cpu.cfs_quota_us   microseconds, or -1: no limit;   cpu.cfs_period_us
// root: where /proc and the paths that it names are found; empty but in tests.
int64_t cgroup_cpus(const std::string& root = "");

}  // namespace costeff
