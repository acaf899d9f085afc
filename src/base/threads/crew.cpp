#include "base/threads/crew.h"

#include <thread>

namespace costeff {
namespace {

// Threads spin for longer than the leader works between two layers, and than one thread waits for
// another within a layer, as waking a thread takes 30 to 50 microseconds. After that they yield the
// core, perhaps to the thread they wait for, and then they sleep.
constexpr int kSpins = 2000, kYields = 100;

void pause_thread() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  // Waits about as long as x86's; "yield" is a no-op on most cores, and the spins would be over too soon.
  asm volatile("isb" ::: "memory");
#endif
}

}  // namespace

bool Barrier::arrive() {
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 != size_) return false;
  arrived_.store(0, std::memory_order_relaxed);
  for (auto& t : tickets_) t.store(0, std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  return true;
}

void Barrier::wait() {
  const uint32_t round = round_.load(std::memory_order_acquire);
  if (arrive()) return;
  for (int i = 0; i < kSpins; ++i) {
    if (round_.load(std::memory_order_acquire) != round) return;
    pause_thread();
  }
  for (int i = 0; i < kYields; ++i) {
    if (round_.load(std::memory_order_acquire) != round) return;
    std::this_thread::yield();
  }
  while (round_.load(std::memory_order_acquire) == round) {
    round_.wait(round, std::memory_order_acquire);
  }
}

}  // namespace costeff
