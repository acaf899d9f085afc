#pragma once

// A crew that comes together when there is work: all threads compute one sentence.

#include <cstdint>
#include <thread>
#include <vector>

#include "base/crew.h"

namespace costeff::runtime {

// The caller, who leads, and size - 1 threads that wait for work. Between two calls they spin for a
// while and then sleep.
class Team {
 public:
  explicit Team(int64_t size);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int64_t size() const { return size_; }
  // Runs work(crew) on every thread, the caller's included, and returns when all are done. An
  // exception from `work` ends the process: the others wait for that thread.
  template <typename Work>
  void run(const Work& work) {
    run([](const void* w, const Crew& crew) noexcept { (*static_cast<const Work*>(w))(crew); },
        &work);
  }

 private:
  using Function = void (*)(const void* context, const Crew& crew);
  void run(Function function, const void* context);

  const int64_t size_;
  Barrier gate_, inside_;        // for the begin and end of a call; for the work itself
  Function function_ = nullptr;  // null: the threads end
  const void* context_ = nullptr;
  std::vector<std::jthread> threads_;
};

}  // namespace costeff::runtime
