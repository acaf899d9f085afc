#include "base/files/content_hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace costeff {
namespace {

uint64_t hash_of(const std::string& bytes) {
  ContentHash hash;
  hash.add(bytes);
  return hash.value();
}

TEST(ContentHash, PartsMakeNoDifference) {
  std::string bytes;
  for (int i = 0; i < 61; ++i) bytes += static_cast<char>(i * 37);
  const uint64_t whole = hash_of(bytes);
  for (size_t first = 0; first <= bytes.size(); ++first) {
    for (size_t second = 0; second < 12; ++second) {
      ContentHash hash;
      hash.add(bytes.substr(0, first));
      (void)hash.value();  // has no effect on later values
      hash.add(bytes.substr(first).substr(0, second));
      hash.add(bytes.substr(std::min(first + second, bytes.size())));
      EXPECT_EQ(hash.value(), whole) << first << " " << second;
    }
  }
}

TEST(ContentHash, EveryByteAndTheLengthCount) {
  std::set<uint64_t> seen;
  std::string bytes(100, 'x');
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string other = bytes;
    other[i] = 'y';
    seen.insert(hash_of(other));
    seen.insert(hash_of(std::string(i, '\0')));
  }
  EXPECT_EQ(seen.size(), 200u);
  ContentHash hash;
  EXPECT_EQ(hash.text().size(), 16u);
}

}  // namespace
}  // namespace costeff
