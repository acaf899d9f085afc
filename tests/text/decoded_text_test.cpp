#include "text/chars/decoded_text.h"

#include <gtest/gtest.h>

#include "base/utf8.h"

namespace costeff::text {
namespace {

TEST(DecodedText, FastCheckAgreesWithTheSlowOne) {
  const std::string good = "The plot - na\xC3\xAFve, \xE4\xB8\xAD\xF0\x9F\x98\x80 - is thin.";
  for (size_t cut = 0; cut <= good.size(); ++cut) {
    EXPECT_EQ(is_utf8_fast(good.substr(0, cut)), is_utf8(good.substr(0, cut))) << cut;
    for (const char bad : {'\x80', '\xC0', '\xFF', '\xED'}) {
      std::string text = good;
      text.insert(cut, 1, bad);
      EXPECT_EQ(is_utf8_fast(text), is_utf8(text)) << cut;
    }
  }
}

TEST(DecodedText, BadBytesAndTheirPlaces) {
  std::string out;
  std::vector<Span> source;
  decode_bad_utf8("a\xE4\xB8x\xC3\xA9", &out, &source);
  ASSERT_EQ(out, "a\xEF\xBF\xBDx\xC3\xA9");
  ASSERT_EQ(source.size(), out.size());
  EXPECT_EQ(source[1].begin, 1);
  EXPECT_EQ(source[3].end, 3);
  EXPECT_EQ(source[4].begin, 3);
  EXPECT_EQ(source[5].begin, 4);
  EXPECT_EQ(source[6].end, 6);

  std::vector<Span> spans{{9, 9}, {0, 1}, {1, 4}, {4, 7}, {7, 7}};
  map_spans(source, 1, &spans);
  const std::vector<std::pair<int, int>> want{{9, 9}, {0, 1}, {1, 3}, {3, 6}, {6, 6}};
  for (size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(spans[i].begin, want[i].first);
    EXPECT_EQ(spans[i].end, want[i].second);
  }
}

}  // namespace
}  // namespace costeff::text
