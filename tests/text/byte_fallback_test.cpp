#include "text/pipeline/byte_fallback.h"

#include <gtest/gtest.h>

namespace costeff::text {
namespace {

TEST(ByteFallback, HasTheBytesThatAreTokens) {
  const Vocab vocab = Vocab::from_tokens({"a", "<0x0A>", "<0xc3>", "<0xC3>", "<0xA9>"}, "test");
  const ByteFallback bytes(vocab);
  EXPECT_EQ(bytes.token('\n'), 1);
  EXPECT_EQ(bytes.token('\xC3'), 3);  // capital digits only
  EXPECT_EQ(bytes.token('\xA9'), 4);
  EXPECT_EQ(bytes.token('a'), -1);
  EXPECT_TRUE(bytes.has_all("\xC3\xA9\n"));
  EXPECT_FALSE(
      bytes.has_all("\xC3\xA9"
                    "a"));
  EXPECT_TRUE(bytes.has_all(""));
}

}  // namespace
}  // namespace costeff::text
