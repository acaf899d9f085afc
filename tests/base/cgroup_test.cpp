#include "base/threads/cgroup.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "tiny_checkpoint.h"

namespace costeff {
namespace {

// Lines as the kernel writes them.
constexpr char kV2[] =
    "24 1 0:21 / /proc rw,nosuid - proc proc rw\n"
    "30 24 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr char kV1[] =
    "33 32 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
    "34 32 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 master:2 - cgroup cgroup rw,cpu,cpuacct\n";
constexpr char kV1OfContainer[] =
    "34 32 0:29 /docker/abc /sys/fs/cgroup/cpu ro master:2 - cgroup cgroup rw,cpu,cpuacct\n";

struct Machine {
  const char* name;
  std::string mounts, groups;  // /proc/self/mountinfo, /proc/self/cgroup
  std::map<std::string, std::string> files;
  int64_t cpus;
};

const std::string kGroup = "/sys/fs/cgroup", kCpu = kGroup + "/cpu,cpuacct";

const Machine kMachines[] = {
    {"nothing mounted", "", "", {}, 0},
    {"v2, no limit", kV2, "0::/\n", {{kGroup + "/cpu.max", "max 100000\n"}}, 0},
    {"v2, of a container", kV2, "0::/\n", {{kGroup + "/cpu.max", "150000 100000\n"}}, 2},
    {"v2, own group",
     kV2,
     "0::/user.slice/run-1.scope\n",
     {{kGroup + "/user.slice/run-1.scope/cpu.max", "300000 100000\n"}},
     3},
    {"v2, the group around it is tighter",
     kV2,
     "0::/a/b\n",
     {{kGroup + "/a/b/cpu.max", "800000 100000\n"}, {kGroup + "/a/cpu.max", "50000 100000\n"}},
     1},
    {"v2, the group around it has none",
     kV2,
     "0::/a/b\n",
     {{kGroup + "/a/b/cpu.max", "400000 100000\n"}, {kGroup + "/a/cpu.max", "max 100000\n"}},
     4},
    {"v2, not ours", kV2, "0::/a\n", {{kGroup + "/b/cpu.max", "100000 100000\n"}}, 0},
    {"v2, broken", kV2, "0::/\n", {{kGroup + "/cpu.max", "x 100000\n"}}, 0},
    {"v2, no period", kV2, "0::/\n", {{kGroup + "/cpu.max", "100000 0\n"}}, 0},
    {"v1, no limit",
     kV1,
     "4:cpu,cpuacct:/\n",
     {{kCpu + "/cpu.cfs_quota_us", "-1\n"}, {kCpu + "/cpu.cfs_period_us", "100000\n"}},
     0},
    {"v1, own group",
     kV1,
     "5:cpuset:/other\n4:cpu,cpuacct:/job/7\n",
     {{kCpu + "/job/7/cpu.cfs_quota_us", "250000\n"},
      {kCpu + "/job/7/cpu.cfs_period_us", "100000\n"}},
     3},
    {"v1, the group around it",
     kV1,
     "4:cpu,cpuacct:/job/7\n",
     {{kCpu + "/job/cpu.cfs_quota_us", "20000\n"}, {kCpu + "/job/cpu.cfs_period_us", "10000\n"}},
     2},
    {"v1, of a container that sees its own group as the top",
     kV1OfContainer,
     "4:cpu,cpuacct:/docker/abc\n",
     {{kGroup + "/cpu/cpu.cfs_quota_us", "200000\n"},
      {kGroup + "/cpu/cpu.cfs_period_us", "100000\n"}},
     2},
    {"v1, another controller's quota",
     kV1,
     "5:cpuset:/\n4:cpu,cpuacct:/\n",
     {{kGroup + "/cpuset/cpu.cfs_quota_us", "100000\n"},
      {kGroup + "/cpuset/cpu.cfs_period_us", "100000\n"}},
     0},
    {"both versions",
     std::string(kV1) + kV2,
     "4:cpu,cpuacct:/a\n0::/b\n",
     {{kCpu + "/a/cpu.cfs_quota_us", "500000\n"},
      {kCpu + "/a/cpu.cfs_period_us", "100000\n"},
      {kGroup + "/b/cpu.max", "max 100000\n"}},
     5},
};

TEST(Cgroup, TheTightestLimitCounts) {
  for (const Machine& machine : kMachines) {
    const TempDir root;
    const auto write = [&](const std::string& path, const std::string& text) {
      const std::filesystem::path file = root.path() + path;
      std::filesystem::create_directories(file.parent_path());
      write_file(file.string(), text);
    };
    write("/proc/self/mountinfo", machine.mounts);
    write("/proc/self/cgroup", machine.groups);
    for (const auto& [path, text] : machine.files) write(path, text);
    EXPECT_EQ(cgroup_cpus(root.path()), machine.cpus) << machine.name;
  }
  EXPECT_EQ(cgroup_cpus("/no/such/root"), 0);
}

}  // namespace
}  // namespace costeff
