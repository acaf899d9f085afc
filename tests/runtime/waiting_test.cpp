// Sequences that wait before a layer: which are first, which leave, and which stay together.

#include "runtime/waiting.h"

#include <gtest/gtest.h>

#include <random>
#include <utility>
#include <vector>

#include "base/format.h"
#include "test_random.h"

namespace costeff::runtime {
namespace {

constexpr int64_t kHidden = 3;

// Sequence `name` of `tokens` tokens: each of its numbers shows its sequence and its place.
void add_sequence(Waiting* w, int32_t name, int64_t tokens, Result* result, int64_t states = 0) {
  const int64_t before = w->tokens(), sequences = w->sequences();
  float* x = w->x.grow(before * kHidden, (before + tokens) * kHidden);
  for (int64_t i = 0; i < tokens * kHidden; ++i)
    x[before * kHidden + i] = static_cast<float>(name * 1000 + i);
  w->history.resize(static_cast<size_t>(states));
  for (int64_t s = 0; s < states; ++s) {
    FloatBuffer& h = w->history[static_cast<size_t>(s)];
    float* pooled = h.grow(sequences * kHidden, (sequences + 1) * kHidden);
    for (int64_t i = 0; i < kHidden; ++i)
      pooled[sequences * kHidden + i] = static_cast<float>(name * 1000 + 500 + s * 10 + i);
  }
  w->start.push_back(static_cast<int32_t>(before + tokens));
  w->real.push_back(static_cast<int32_t>(tokens) - name % 2);
  w->tickets.push_back({result, nullptr, {}});
  exits::ExitState state;
  state.label = name;
  w->states.push_back(state);
  // As wide as there are hidden states in the history: none, too.
  for (int64_t k = 0; k < states; ++k) w->kept.push_back(static_cast<float>(name * 10 + k));
}

struct Sequence {
  int32_t name;
  int64_t tokens;
  bool operator==(const Sequence&) const = default;
};

// Checks which sequences wait, and that each is complete.
std::vector<Sequence> sequences_of(const Waiting& w, const std::vector<Result>& results,
                                   int64_t states) {
  std::vector<Sequence> found;
  EXPECT_EQ(w.start.size(), w.real.size() + 1);
  EXPECT_EQ(w.start[0], 0);
  for (int64_t b = 0; b < w.sequences(); ++b) {
    const auto at = static_cast<size_t>(b);
    const int32_t name = w.states[at].label;
    const int64_t tokens = w.start[at + 1] - w.start[at];
    EXPECT_EQ(w.tickets[at].result, &results[static_cast<size_t>(name)]);
    EXPECT_EQ(w.real[at], tokens - name % 2);
    for (int64_t i = 0; i < tokens * kHidden; ++i)
      EXPECT_EQ(w.x.data()[w.start[at] * kHidden + i], static_cast<float>(name * 1000 + i));
    for (int64_t s = 0; s < states; ++s) {
      for (int64_t i = 0; i < kHidden; ++i)
        EXPECT_EQ(w.history[static_cast<size_t>(s)].data()[b * kHidden + i],
                  static_cast<float>(name * 1000 + 500 + s * 10 + i));
    }
    EXPECT_EQ(w.kept.size(), static_cast<size_t>(w.sequences() * states));
    for (int64_t k = 0; k < states; ++k)
      EXPECT_EQ(w.kept[static_cast<size_t>(b * states + k)], static_cast<float>(name * 10 + k));
    found.push_back({name, tokens});
  }
  return found;
}

TEST(FrontOf, AsManyAsFitButAtLeastOne) {
  std::vector<Result> results(3);
  Waiting w;
  EXPECT_EQ(front_of(w, 100), 0);
  add_sequence(&w, 0, 5, results.data());
  add_sequence(&w, 1, 3, results.data());
  add_sequence(&w, 2, 4, results.data());
  for (const auto& [tokens, expected] : {std::pair<int64_t, int64_t>{0, 1},
                                         {4, 1},
                                         {5, 1},
                                         {7, 1},
                                         {8, 2},
                                         {11, 2},
                                         {12, 3},
                                         {1000, 3}})
    EXPECT_EQ(front_of(w, tokens), expected) << tokens << " tokens";
}

// All of them to an empty place: those that stay move together.
TEST(MoveFront, AllGoOnTogether) {
  std::vector<Result> results(3);
  Waiting from, to;
  for (int32_t name = 0; name < 3; ++name)
    add_sequence(&from, name, 2 + name, &results[static_cast<size_t>(name)], 1);
  move_front(&from, 3, std::vector<uint8_t>{0, 1, 0}, kHidden, &to);
  EXPECT_TRUE(from.empty());
  EXPECT_EQ(from.tokens(), 0);
  EXPECT_EQ(sequences_of(to, results, 1), (std::vector<Sequence>{{0, 2}, {2, 4}}));
}

// Some of them, to others that already wait there.
TEST(MoveFront, SomeJoinOthers) {
  std::vector<Result> results(5);
  Waiting from, to;
  for (int32_t name = 0; name < 4; ++name)
    add_sequence(&from, name, 1 + name, &results[static_cast<size_t>(name)], 2);
  add_sequence(&to, 4, 6, &results[4], 2);
  move_front(&from, 3, std::vector<uint8_t>{1, 0, 0}, kHidden, &to);
  EXPECT_EQ(sequences_of(from, results, 2), (std::vector<Sequence>{{3, 4}}));
  EXPECT_EQ(sequences_of(to, results, 2), (std::vector<Sequence>{{4, 6}, {1, 2}, {2, 3}}));
}

TEST(MoveFront, AllMayLeave) {
  std::vector<Result> results(2);
  Waiting from, to;
  for (int32_t name = 0; name < 2; ++name)
    add_sequence(&from, name, 3, &results[static_cast<size_t>(name)]);
  move_front(&from, 2, std::vector<uint8_t>{1, 1}, kHidden, &to);
  EXPECT_TRUE(from.empty());
  EXPECT_TRUE(to.empty());
  EXPECT_EQ(to.tokens(), 0);
}

// Random moves through five places against lists of names.
TEST(MoveFront, AgreesWithLists) {
  RecordProperty("seed", fmt::format("{}", test_seed()));
  std::mt19937_64 rng(test_seed());
  const auto below = [&](int64_t n) {
    return static_cast<int64_t>(rng() % static_cast<uint64_t>(n));
  };
  constexpr int64_t kStates = 2;
  for (int round = 0; round < 50; ++round) {
    std::vector<Result> results(400);
    std::vector<Waiting> places(5);
    std::vector<std::vector<Sequence>> lists(5);
    for (int32_t name = 0; name < 400; ++name) {
      const int64_t tokens = 1 + below(9);
      add_sequence(&places[0], name, tokens, &results[static_cast<size_t>(name)], kStates);
      lists[0].push_back({name, tokens});
      const auto i = static_cast<size_t>(below(4));
      if (lists[i].empty()) continue;
      const int64_t n = 1 + below(static_cast<int64_t>(lists[i].size()));
      std::vector<uint8_t> leaving;
      for (int64_t b = 0; b < n; ++b) {
        leaving.push_back(below(3) == 0);
        if (!leaving.back()) lists[i + 1].push_back(lists[i][static_cast<size_t>(b)]);
      }
      lists[i].erase(lists[i].begin(), lists[i].begin() + n);
      move_front(&places[i], n, leaving, kHidden, &places[i + 1]);
    }
    for (size_t i = 0; i < places.size(); ++i)
      ASSERT_EQ(sequences_of(places[i], results, kStates), lists[i]) << "seed " << test_seed();
  }
}

}  // namespace
}  // namespace costeff::runtime
