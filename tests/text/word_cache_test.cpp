#include "text/bpe/word_cache.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <string>

namespace costeff::text {
namespace {

void fill(WordCache::Entry* entry, int32_t token) {
  entry->tokens[0] = token;
  entry->ends[0] = entry->size;
  entry->count = 1;
}

TEST(WordCache, KeepsWhatWasFilledIn) {
  WordCache cache;
  fill(&cache.at("the", 1), 5);
  EXPECT_EQ(cache.at("the", 1).count, 1);
  EXPECT_EQ(cache.at("the", 1).tokens[0], 5);
  EXPECT_EQ(cache.at("the", 2).count, 0);  // another model's
  EXPECT_EQ(cache.at("th", 1).count, 0);
  EXPECT_EQ(cache.at("the ", 1).count, 0);
}

TEST(WordCache, NulBytesCount) {
  WordCache cache;
  fill(&cache.at(std::string("a\0", 2), 1), 5);
  EXPECT_EQ(cache.at("a", 1).count, 0);
  fill(&cache.at("a", 1), 6);
  EXPECT_NE(cache.at(std::string("a\0", 2), 1).tokens[0], 6);
}

TEST(WordCache, AllBytesOfTheLongestWordCount) {
  std::string word(WordCache::kMaxWord, 'x');
  for (size_t i = 0; i < word.size(); ++i) {
    WordCache cache;
    fill(&cache.at(word, 1), 5);
    std::string other = word;
    other[i] = 'y';
    EXPECT_EQ(cache.at(other, 1).count, 0) << i;
  }
}

// More words than places: an answer is the word's own or missing.
TEST(WordCache, NeverTheAnswerOfAnother) {
  WordCache cache;
  for (int round = 0; round < 2; ++round) {
    for (int32_t i = 0; i < 50000; ++i) {
      WordCache::Entry& entry = cache.at(fmt::format("{}", i), 1);
      if (entry.count == 0) {
        fill(&entry, i);
      } else {
        ASSERT_EQ(entry.tokens[0], i);
      }
    }
  }
  fill(&cache.at("7", 1), 7);
  EXPECT_EQ(cache.at("7", 1).tokens[0], 7);
}

}  // namespace
}  // namespace costeff::text
