#include "base/threads/team.h"

#include "base/threads/start_threads.h"

namespace costeff {

Team::Team(int64_t size) : size_(size), gate_(size), inside_(size) {
  const auto serve = [this](int64_t i) {
    while (true) {
      gate_.wait();
      if (!function_) return;
      function_(context_, {i + 1, size_, &inside_});
      gate_.wait();
    }
  };
  // If not all can be started, the gate opens for those that were when the rest, including the leader,
  // have arrived.
  threads_ = start_threads(size - 1, serve, [&](int64_t started) {
    for (int64_t i = started; i < size; ++i) gate_.arrive();
  });
}

Team::~Team() {
  function_ = nullptr;
  if (size_ > 1) gate_.wait();
}

void Team::run(Function function, const void* context) {
  if (size_ == 1) return function(context, {});
  function_ = function;
  context_ = context;
  gate_.wait();
  function(context, {0, size_, &inside_});
  gate_.wait();
}

}  // namespace costeff
