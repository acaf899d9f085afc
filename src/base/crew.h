#pragma once

// Threads that compute one thing together, each its share, in step.

#include <atomic>
#include <cstdint>

namespace costeff {

// Where `size` threads wait for each other: they spin for some microseconds, as the steps between
// two meetings are short, and then sleep. Reusable at once.
class Barrier {
 public:
  explicit Barrier(int64_t size) : size_(size) {}
  void wait();

 private:
  const int64_t size_;
  std::atomic<int64_t> arrived_{0};
  std::atomic<uint32_t> round_{0};
};

struct Range {
  int64_t begin = 0, end = 0;
  int64_t count() const { return end - begin; }
};

// One thread's place among those that compute together. The default: alone.
struct Crew {
  int64_t rank = 0, size = 1;
  Barrier* barrier = nullptr;

  bool leads() const { return rank == 0; }
  // Everything that any of them wrote before is seen by all of them after.
  void meet() const {
    if (size > 1) barrier->wait();
  }
  // This thread's part of [0, n), cut at multiples of `grain`.
  Range part(int64_t n, int64_t grain = 1) const {
    const int64_t units = (n + grain - 1) / grain;
    const int64_t begin = units * rank / size * grain, end = units * (rank + 1) / size * grain;
    return {begin < n ? begin : n, end < n ? end : n};
  }
};

}  // namespace costeff
