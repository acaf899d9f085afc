#pragma once

// A crew that is called together when there is work, for one sentence on all threads.

#include <cstdint>
#include <thread>
#include <vector>

#include "base/crew.h"

namespace costeff::runtime {

// size - 1 threads that wait for work; the caller is the leader. Between two calls they spin for a
// while and then sleep.
class Team {
 public:
  explicit Team(int64_t size);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int64_t size() const { return size_; }
  // Runs work(crew) on every thread, the caller's among them, and returns when all are done.
  // What `work` throws ends the process: the others wait for that thread.
  template <typename Work>
  void run(const Work& work) {
    run([](const void* w, const Crew& crew) noexcept { (*static_cast<const Work*>(w))(crew); },
        &work);
  }

 private:
  using Function = void (*)(const void* context, const Crew& crew);
  void run(Function function, const void* context);

  const int64_t size_;
  Barrier gate_, inside_;        // for begin and end of a call; for the work itself
  Function function_ = nullptr;  // null: it is over
  const void* context_ = nullptr;
  std::vector<std::jthread> threads_;
};

}  // namespace costeff::runtime
