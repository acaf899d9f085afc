#include <costeff/error.h>
#include <costeff/machine.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <vector>

#include "base/aligned.h"
#include "base/threads/cpu_count.h"
#include "base/threads/team.h"
#include "kernels/kernel_table.h"
#include "runtime/loaded_model.h"

namespace costeff {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kTrials = 15;
constexpr int64_t kSpinRounds = 2'000'000;
// Bytes read from memory: 128 MiB a thread, but no more than 2 GiB together.
constexpr int64_t kReadWords = int64_t{1} << 24, kReadWordsTogether = int64_t{1} << 28;

double seconds(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Runs work(thread) on all threads at once, which returns a number of units, and returns the best rate of
// some trials, in units a second.
template <typename Work>
double best_rate(int64_t threads, const Work& work) {
  struct Trial {
    double units, seconds;
  };
  std::vector<std::array<Trial, kTrials>> trials(static_cast<size_t>(threads));
  Team(threads).run([&](const Crew& crew) {
    for (Trial& trial : trials[static_cast<size_t>(crew.rank)]) {
      crew.meet();
      const auto begin = Clock::now();
      trial.units = work(crew.rank);
      trial.seconds = seconds(begin);
    }
  });
  double best = 0;
  for (size_t i = 0; i < kTrials; ++i) {
    double units = 0, longest = 1e-9;
    for (const auto& own : trials) {
      units += own[i].units;
      longest = std::max(longest, own[i].seconds);
    }
    best = std::max(best, units / longest);
  }
  return best;
}

uint64_t sum_words(const uint64_t* words, int64_t count) {
  // With prefetches, as in the products: with loads alone too few cache misses are in flight.
  constexpr int64_t kAhead = 512;
  uint64_t sums[8] = {};
  for (int64_t i = 0; i + 8 <= count; i += 8) {
    __builtin_prefetch(words + std::min(i + kAhead, count - 1));
    for (int j = 0; j < 8; ++j) sums[j] += words[i + j];
  }
  uint64_t sum = 0;
  for (uint64_t s : sums) sum += s;
  return sum;
}

}  // namespace

// From /proc/cpuinfo: "model name : AMD ..."; of ARM's CPUs, which have none there, "CPU implementer :
// 0x41" and "CPU part : 0xd40".
std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  std::string line, implementer;
  while (std::getline(file, line)) {
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    const std::string value = line.substr(colon + 2);
    if (line.starts_with("model name")) return value;
    if (line.starts_with("CPU implementer")) implementer = value;
    if (line.starts_with("CPU part")) return "ARM, implementer " + implementer + ", part " + value;
  }
  return "";
}

MachinePeak measure_machine(const std::string& isa, ComputeType compute, int64_t threads) {
  const kernels::KernelTable& table = runtime::choose_table(isa);
  MachinePeak peak;
  peak.cpu = cpu_name();
  peak.kernels = table.name;
  peak.threads = threads > 0 ? threads : usable_cpus();
  const kernels::Product& product = table.product(runtime::precision_of(compute));
  if (product.spin) {
    product.spin(kSpinRounds);  // CPUs need a moment to reach the clock for wide vectors
    peak.gmacs_per_s =
        best_rate(peak.threads,
                  [&](int64_t) { return static_cast<double>(product.spin(kSpinRounds)); }) /
        1e9;
  }
  const int64_t words = std::min(kReadWords, kReadWordsTogether / peak.threads);
  std::vector<AlignedBuffer<uint64_t>> buffers(static_cast<size_t>(peak.threads));
  for (auto& b : buffers) {
    // Write to it, as untouched pages would all be the same zero page.
    std::memset(b.reserve(words), 1, static_cast<size_t>(words) * sizeof(uint64_t));
  }
  std::atomic<uint64_t> sink{0};
  peak.read_gb_per_s = best_rate(peak.threads,
                                 [&](int64_t t) {
                                   sink += sum_words(buffers[static_cast<size_t>(t)].data(), words);
                                   return static_cast<double>(words * 8);
                                 }) /
                       1e9;
  return peak;
}

}  // namespace costeff
