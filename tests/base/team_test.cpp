// If not all threads can be started, those that were end, and the error says so.

#include "base/threads/team.h"

#include <gtest/gtest.h>

#include <atomic>

#include "base/error_of.h"
#include "base/format.h"
#include "base/threads/start_threads.h"

namespace costeff {
namespace {

// The system's refusal to start the thread that gets copy number `last` + 1.
struct Refused {
  std::atomic<int>* copies;
  int last;
  Barrier* gate;
  std::atomic<int>* passed;
  Refused(std::atomic<int>* c, int l, Barrier* g, std::atomic<int>* p)
      : copies(c), last(l), gate(g), passed(p) {}
  Refused(const Refused& o) : Refused(o.copies, o.last, o.gate, o.passed) {
    if (++*copies > last) throw std::system_error(std::make_error_code(std::errc(EAGAIN)));
  }
  Refused(Refused&&) = default;
  void operator()(int64_t) const {
    gate->wait();
    ++*passed;
  }
};

TEST(StartThreads, ThoseThatBeganEnd) {
  constexpr int64_t kThreads = 4;
  for (int most = 0; most < kThreads; ++most) {
    Barrier gate(kThreads + 1);
    std::atomic<int> copies = 0, passed = 0;
    const Refused work(&copies, most, &gate, &passed);
    const std::string error = error_of(ErrorKind::internal, [&] {
      start_threads(kThreads, work, [&](int64_t started) {
        EXPECT_EQ(started, most);
        for (int64_t i = started; i < kThreads + 1; ++i) gate.arrive();
      });
    });
    EXPECT_EQ(error, fmt::format("cannot start thread {} of 4: Resource temporarily unavailable",
                                 most + 1));
    EXPECT_EQ(passed, most);
  }
}

TEST(Team, EveryThreadRunsEachCallOnce) {
  for (const int64_t size : {1, 2, 5}) {
    Team team(size);
    std::vector<int> calls(static_cast<size_t>(size));
    for (int i = 0; i < 50; ++i) {
      team.run([&](const Crew& crew) {
        ++calls[static_cast<size_t>(crew.rank)];
        crew.meet();
      });
    }
    EXPECT_EQ(calls, std::vector<int>(calls.size(), 50));
  }
}

}  // namespace
}  // namespace costeff
