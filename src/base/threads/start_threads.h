#pragma once

#include <cstdint>
#include <system_error>
#include <thread>
#include <vector>

#include "base/fail.h"

namespace costeff {

// Starts threads that run f(0), f(1), .. f(count - 1), each on a copy of f. If the system refuses
// one, it calls release(started), which must make those already started end, and throws
// Error(internal).
template <typename F, typename Release>
std::vector<std::jthread> start_threads(int64_t count, const F& f, const Release& release) {
  std::vector<std::jthread> threads;
  threads.reserve(static_cast<size_t>(count));
  try {
    for (int64_t i = 0; i < count; ++i) threads.emplace_back(f, i);
  } catch (const std::system_error& e) {
    const auto started = static_cast<int64_t>(threads.size());
    release(started);
    threads.clear();
    fail(ErrorKind::internal, "cannot start thread {} of {}: {}", started + 1, count,
         e.code().message());
  }
  return threads;
}

}  // namespace costeff
