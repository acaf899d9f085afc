#include "text/tokens/token_sink.h"

#include "text/tokens/pair.h"

namespace costeff::text {
namespace {

TokenSink last_of(int64_t limit, int32_t count) {
  TokenSink sink;
  sink.reset(limit, true, true, true);
  for (int32_t i = 0; i < count; ++i) sink.put(i, i, i + 1);
  return sink;
}

// Only some of many tokens are held; the last ones are among them, with their spans.
TEST(TokenSink, KeepsTheLast) {
  for (const int64_t limit : {0, 1, 5, 100}) {
    for (const int32_t count : {0, 1, 4, 5, 6, 99, 5000, 100'000}) {
      const TokenSink sink = last_of(limit, count);
      EXPECT_FALSE(sink.done());
      EXPECT_EQ(sink.count, count);
      ASSERT_EQ(sink.spans.size(), sink.ids.size());
      ASSERT_GE(static_cast<int64_t>(sink.ids.size()), std::min<int64_t>(limit, count));
      EXPECT_LE(sink.ids.size(), 2 * (static_cast<size_t>(limit) + TokenSink::kMaxDropped));
      for (size_t i = 0; i < sink.ids.size(); ++i) {
        const auto id = static_cast<int32_t>(count - static_cast<int32_t>(sink.ids.size() - i));
        ASSERT_EQ(sink.ids[i], id);
        ASSERT_EQ(sink.spans[i].begin, id);
      }
    }
  }
}

TEST(TokenSink, DropsTheLast) {
  for (const bool last : {false, true}) {
    for (const int32_t count : {3, 10, 700, 3000}) {
      TokenSink sink;
      sink.reset(4, true, false, last);
      for (int32_t i = 0; i < count; ++i) sink.put(i, i, i);
      sink.drop_after(count - 2);
      EXPECT_EQ(sink.count, count - 2);
      sink.put(-1, 0, 0);
      ASSERT_EQ(sink.ids.size(), sink.spans.size());
      if (last || count - 2 < 4) {
        EXPECT_EQ(sink.ids.back(), -1);
        EXPECT_EQ(sink.ids[sink.ids.size() - 2], count - 3 >= 0 ? count - 3 : 0);
      } else {
        EXPECT_EQ(sink.ids, (std::vector<int32_t>{0, 1, 2, 3}));
      }
    }
  }
}

// Both ways of cutting pairs keep the same number of tokens on either side.
TEST(TokenSink, AssembleKeepsTheEnds) {
  const Template form = bert_template(101, 102);
  for (const PairCut cut : {PairCut::fast, PairCut::slow}) {
    TokenSink a, b;
    for (const auto& [sink, first] : {std::pair(&a, 10), std::pair(&b, 20)}) {
      sink->reset(5, true, false, true);
      for (int32_t i = 0; i < 6; ++i) sink->put(first + i, i, i + 1);
    }
    Encoding out;
    assemble(form, a, b, true, 5, {.pair_cut = cut, .offsets = true}, &out);
    const std::vector<int32_t> fast{101, 14, 15, 102, 23, 24, 25, 102};
    const std::vector<int32_t> slow{101, 13, 14, 15, 102, 24, 25, 102};
    EXPECT_EQ(out.ids, cut == PairCut::fast ? fast : slow);
    EXPECT_TRUE(out.truncated);
    EXPECT_EQ(out.spans[1].begin, out.ids[1] - 10);
  }
}

}  // namespace
}  // namespace costeff::text
