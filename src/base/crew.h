#pragma once

// Threads that compute one thing together, each its share, in step.

#include <atomic>
#include <cstdint>

namespace costeff {

// Where `size` threads wait for each other: they spin for some microseconds, as the steps between
// two meetings are short, and then sleep. Reusable at once.
class Barrier {
 public:
  static constexpr int64_t kTickets = 2;

  explicit Barrier(int64_t size) : size_(size) {}
  void wait();
  // Counts as one that waits, and goes on at once: for a thread that is not there. Whether it was
  // the last one, which lets all others go on.
  bool arrive();
  // 0, 1, 2, .. to whoever asks; from 0 again after each meeting. `kind` is below kTickets.
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

// One thread's place among those that compute together. The default: alone.
struct Crew {
  int64_t rank = 0, size = 1;
  Barrier* barrier = nullptr;

  bool leads() const { return rank == 0; }
  // Everything that any of them wrote before is seen by all of them after.
  void meet() const {
    if (size > 1) barrier->wait();
  }
  // A number that no other thread gets before the next meeting, from 0 on: what is left of a work
  // is for who is first, as cores are not always equally fast. Two works between meetings differ in
  // `kind`. Not for one that is alone.
  int64_t ticket(int64_t kind) const { return barrier->ticket(kind); }
  // This thread's part of [0, n), cut at multiples of `grain`.
  Range part(int64_t n, int64_t grain = 1) const {
    const int64_t units = (n + grain - 1) / grain;
    const int64_t begin = units * rank / size * grain, end = units * (rank + 1) / size * grain;
    return {begin < n ? begin : n, end < n ? end : n};
  }
};

}  // namespace costeff
