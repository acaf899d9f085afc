#pragma once

// Threads that compute one sentence together.

#include <cstdint>
#include <thread>
#include <vector>

#include "base/threads/crew.h"

namespace costeff {

// The caller, which leads, and size - 1 threads that wait for work. Between two calls they spin for a
// while and then sleep.
class Team {
 public:
  explicit Team(int64_t size);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int64_t size() const { return size_; }
  // Runs work(crew) on every thread, including the caller's, and returns when all are done. An
  // exception from `work` ends the process, as the others wait for that thread.
  template <typename Work>
  void run(const Work& work) {
    run([](const void* w, const Crew& crew) noexcept { (*static_cast<const Work*>(w))(crew); },
        &work);
  }

 private:
  using Function = void (*)(const void* context, const Crew& crew);
  void run(Function function, const void* context);

  const int64_t size_;
  Barrier gate_, inside_;        // for the beginning and end of a call; for the work itself
  Function function_ = nullptr;  // null: the threads must end
  const void* context_ = nullptr;
  std::vector<std::jthread> threads_;
};

}  // namespace costeff
