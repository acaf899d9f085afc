#pragma once

// Threads that share out the steps of one computation.

#include <atomic>
#include <cstdint>

namespace costeff {

// Where `size` threads wait for each other. They spin for some microseconds, as the steps between
// two meetings are short, and then sleep. It can be used again at once.
class Barrier {
 public:
  static constexpr int64_t kTickets = 2;

  explicit Barrier(int64_t size) : size_(size) {}
  void wait();
  // Counts as a waiting thread without waiting, for one that could not be started. Returns whether
  // it was the last one, which lets all the others go on.
  bool arrive();
  // Returns 0, 1, 2, .. to successive callers; starts again from 0 after each meeting. `kind` is
  // below kTickets.
  int64_t ticket(int64_t kind) { return tickets_[kind].fetch_add(1, std::memory_order_relaxed); }

 private:
  const int64_t size_;
  std::atomic<int64_t> tickets_[kTickets] = {};
  std::atomic<int64_t> arrived_{0};
  std::atomic<uint32_t> round_{0};
};

struct Range {
  int64_t begin = 0, end = 0;
  int64_t count() const { return end - begin; }
};

// One thread of several that compute together. The default is a thread alone.
struct Crew {
  int64_t rank = 0, size = 1;
  Barrier* barrier = nullptr;

  bool leads() const { return rank == 0; }
  // Waits for the others. What any of them wrote before is visible to all of them after.
  void meet() const {
    if (size > 1) barrier->wait();
  }
  // Returns 0, 1, 2, .., each to one thread, until the next meeting. With it threads get their pieces
  // of the work as they become free, as cores are not always equally fast. Two kinds of work between
  // meetings differ in `kind`. Not for a thread alone.
  int64_t ticket(int64_t kind) const { return barrier->ticket(kind); }
  // This thread's part of [0, n), cut at multiples of `grain`.
  Range part(int64_t n, int64_t grain = 1) const {
    const int64_t units = (n + grain - 1) / grain;
    const int64_t begin = units * rank / size * grain, end = units * (rank + 1) / size * grain;
    return {begin < n ? begin : n, end < n ? end : n};
  }
};

}  // namespace costeff
