#include "text/bpe/merge_table.h"

#include <map>
#include <random>

#include "text/expect_error.h"

namespace costeff::text {
namespace {

TEST(MergeTable, RanksAreInOrderAndTheLastOfEqualPairsCounts) {
  const MergeTable table({{1, 2, 7}, {2, 1, 8}, {1, 2, 9}, {0, 0, 0}}, "merges.txt");
  EXPECT_EQ(table.rank(1, 2), 2u);
  EXPECT_EQ(table.rank(2, 1), 1u);
  EXPECT_EQ(table.rank(0, 0), 3u);
  EXPECT_EQ(table.merged(2), 9);
  EXPECT_EQ(table.merged(1), 8);
  EXPECT_EQ(table.rank(1, 1), MergeTable::kNone);
  EXPECT_EQ(table.rank(-1, 2), MergeTable::kNone);
  EXPECT_EQ(table.rank(1, -1), MergeTable::kNone);
}

TEST(MergeTable, Empty) {
  EXPECT_EQ(MergeTable().rank(0, 0), MergeTable::kNone);
  EXPECT_EQ(MergeTable({}, "merges.txt").rank(0, 0), MergeTable::kNone);
}

TEST(MergeTable, LargestTokens) {
  const auto last = static_cast<int32_t>(MergeTable::kMaxTokens - 1);
  const MergeTable table({{last, last, 1}, {last, 0, 2}, {0, last, 3}}, "merges.txt");
  EXPECT_EQ(table.rank(last, last), 0u);
  EXPECT_EQ(table.rank(last, 0), 1u);
  EXPECT_EQ(table.rank(0, last), 2u);
  EXPECT_EQ(table.rank(last, last - 1), MergeTable::kNone);
}

TEST(MergeTable, ManyPairs) {
  std::mt19937 random(3);
  std::vector<MergeTable::Rule> rules;
  std::map<std::pair<int32_t, int32_t>, uint32_t> ranks;
  for (int32_t i = 0; i < 50000; ++i) {
    const auto left = static_cast<int32_t>(random() % 300), right = i % 700;
    ranks[std::pair(left, right)] = static_cast<uint32_t>(rules.size());
    rules.push_back({left, right, i});
  }
  const MergeTable table(rules, "merges.txt");
  for (int32_t left = 0; left < 300; ++left) {
    for (int32_t right = 0; right < 700; ++right) {
      const auto it = ranks.find({left, right});
      ASSERT_EQ(table.rank(left, right), it == ranks.end() ? MergeTable::kNone : it->second);
    }
  }
}

TEST(MergeTable, TooMany) {
  expect_error(ErrorKind::model, {"m/merges.txt: ", "4194304", "4194303"}, [] {
    MergeTable(std::vector<MergeTable::Rule>(MergeTable::kMaxMerges + 1), "m/merges.txt");
  });
}

}  // namespace
}  // namespace costeff::text
