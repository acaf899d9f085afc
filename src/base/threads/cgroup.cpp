#include "base/threads/cgroup.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

namespace costeff {
namespace {

// Where the groups of one version are mounted.
struct GroupMount {
  bool v2 = false;
  std::string group;  // the one that `point` shows: "/", or a container's own
  std::string point;
};

bool lists_cpu(const std::string& names) {
  std::istringstream in(names);
  for (std::string name; std::getline(in, name, ',');) {
    if (name == "cpu") return true;
  }
  return false;
}

// Lines "36 35 98:0 GROUP POINT rw - cgroup cgroup rw,cpu,cpuacct", with a few optional fields
// before the "-".
std::vector<GroupMount> group_mounts(const std::string& root) {
  std::vector<GroupMount> mounts;
  std::ifstream in(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string skipped, type, options;
    GroupMount m;
    words >> skipped >> skipped >> skipped >> m.group >> m.point;
    while (words >> skipped && skipped != "-") {
    }
    words >> type >> skipped >> options;
    m.v2 = type == "cgroup2";
    if (m.v2 || (type == "cgroup" && lists_cpu(options))) mounts.push_back(std::move(m));
  }
  return mounts;
}

// Lines "0::GROUP" (v2) and "4:cpu,cpuacct:GROUP" (v1).
std::optional<std::string> own_group(const std::string& root, bool v2) {
  std::ifstream in(root + "/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string names = line.substr(first + 1, second - first - 1);
    if (v2 ? names.empty() : lists_cpu(names)) return line.substr(second + 1);
  }
  return std::nullopt;
}

std::optional<int64_t> read_number(std::istream& in) {
  int64_t n = 0;
  return in >> n ? std::optional(n) : std::nullopt;
}

// The limit of one group alone; 0: it has none.
int64_t group_cpus(const std::string& dir, bool v2) {
  std::optional<int64_t> quota, period;
  if (v2) {
    std::ifstream in(dir + "/cpu.max");
    quota = read_number(in);
    period = read_number(in);
  } else {
    std::ifstream quota_in(dir + "/cpu.cfs_quota_us"), period_in(dir + "/cpu.cfs_period_us");
    quota = read_number(quota_in);
    period = read_number(period_in);
  }
  if (!quota || !period || *quota <= 0 || *period <= 0) return 0;
  return *quota / *period + (*quota % *period != 0);
}

int64_t tighter(int64_t a, int64_t b) { return a == 0 || (b != 0 && b < a) ? b : a; }

// The tightest limit from the process's own group up to the mounted one.
int64_t mounted_cpus(const std::string& root, const GroupMount& m) {
  std::string group = own_group(root, m.v2).value_or("/");
  // In a container the mount may show its own group as the top.
  if (m.group != "/" && group.starts_with(m.group)) group.erase(0, m.group.size());
  int64_t cpus = 0;
  for (;; group.erase(group.rfind('/'))) {
    while (group.ends_with('/')) group.pop_back();
    cpus = tighter(cpus, group_cpus(root + m.point + group, m.v2));
    if (group.rfind('/') == std::string::npos) return cpus;
  }
}

}  // namespace

int64_t cgroup_cpus(const std::string& root) {
  int64_t cpus = 0;
  for (const GroupMount& m : group_mounts(root)) cpus = tighter(cpus, mounted_cpus(root, m));
  return cpus;
}

}  // namespace costeff
