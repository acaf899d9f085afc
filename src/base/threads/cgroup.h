#pragma once

#include <cstdint>
#include <string>

namespace costeff {

// The CPU time that the control groups of this process grant it, in CPUs, rounded up; 0 if no limit
// is known. The tightest limit counts, of the group itself and of those around it, in both versions:
//   v2  cpu.max            "QUOTA PERIOD" in microseconds, or "max PERIOD"
//   v1  cpu.cfs_quota_us   microseconds, or -1: no limit;   cpu.cfs_period_us
// root: goes before /proc and the paths that it names; empty except in tests.
int64_t cgroup_cpus(const std::string& root = "");

}  // namespace costeff
