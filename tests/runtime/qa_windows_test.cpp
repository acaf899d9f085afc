// How a long context is cut into windows.

#include <costeff/error.h>
#include <gtest/gtest.h>

#include <utility>

#include "base/error_of.h"
#include "runtime/qa/windows.h"
#include "tiny_checkpoint.h"

namespace costeff::runtime {
namespace {

using Parts = std::vector<std::pair<int64_t, int64_t>>;

// As in the Rust tokenizers: Encoding::truncate steps from 0 by `width - stride` and stops after the
// first part that reaches the end.
Parts parts_by_steps(int64_t context, int64_t width, int64_t stride) {
  if (width >= context) return {{0, context}};
  Parts parts;
  for (int64_t start = 0; start < context; start += width - stride) {
    parts.push_back({start, std::min(start + width, context)});
    if (parts.back().second == context) break;
  }
  return parts;
}

Parts parts_of(const WindowedText& e) {
  Parts parts;
  for (int64_t k = 0; k < e.windows.count; ++k) parts.push_back({e.begin(k), e.end(k)});
  return parts;
}

TEST(QaWindows, AreThoseOfStepByStepCutting) {
  for (int64_t context = 0; context <= 40; ++context) {
    for (int64_t width = 1; width <= 12; ++width) {
      for (int64_t stride = 0; stride < width; ++stride) {
        WindowedText e;
        e.context = context;
        e.windows = cut_windows(context, width, stride);
        ASSERT_EQ(parts_of(e), parts_by_steps(context, width, stride))
            << context << " tokens, width " << width << ", stride " << stride;
      }
    }
  }
}

// With truncation_side left the library steps from the end.
TEST(QaWindows, FromTheEndAreThoseOfTheLibrary) {
  const struct {
    int64_t context, width, stride;
    Parts parts;
  } kCases[] = {
      {4, 4, 1, {{0, 4}}},
      {5, 4, 1, {{1, 5}, {0, 2}}},
      {5, 4, 0, {{1, 5}, {0, 1}}},
      {9, 4, 1, {{5, 9}, {2, 6}, {0, 3}}},
      {10, 4, 1, {{6, 10}, {3, 7}, {0, 4}}},
      {10, 5, 3, {{5, 10}, {3, 8}, {1, 6}, {0, 4}}},
      {0, 4, 1, {{0, 0}}},
  };
  for (const auto& c : kCases) {
    WindowedText e;
    e.context = c.context;
    e.from_end = true;
    e.windows = cut_windows(c.context, c.width, c.stride);
    EXPECT_EQ(parts_of(e), c.parts) << c.context << " tokens, width " << c.width;
  }
}

class QaEncode : public testing::Test {
 protected:
  QaEncode() {
    write_tiny_checkpoint(dir_.path(), {.dialect = "qa"});
    tokenizer_.emplace(dir_.path());
    model_.arch.type_vocab_size = 2;
  }

  WindowedText encode(const std::string& question, const std::string& context, int64_t max_length,
                      int64_t stride = -1) {
    QaExample example{
        .question = question, .context = context, .id = "", .place = "dev.json: qas[0]"};
    QaOptions options;
    options.max_length = max_length;
    options.doc_stride = stride;
    WindowedText e;
    encode_question(model_, *tokenizer_, example, options, &e);
    return e;
  }

  std::string error(const std::string& question, const std::string& context, int64_t max_length,
                    int64_t stride = -1) {
    return error_of(ErrorKind::input, [&] { encode(question, context, max_length, stride); });
  }

  TempDir dir_;
  std::optional<text::Tokenizer> tokenizer_;
  model::Model model_;
};

constexpr int32_t kCls = 2, kSep = 3, kW0 = 5;
using Ids = std::vector<int32_t>;

// 2 question tokens and 3 specials leave 4 of 9.
TEST_F(QaEncode, WindowsOfAHandMadeCase) {
  const WindowedText e = encode("w1 w2", "w10 w11 w12 w13 w14 w15 w16", 9, 2);
  EXPECT_EQ(e.head, 4);
  EXPECT_EQ(e.context, 7);
  EXPECT_EQ(parts_of(e), (Parts{{0, 4}, {2, 6}, {4, 7}}));

  Example row;
  fill_window(e, 0, &row);
  EXPECT_TRUE(row.has_ids);
  EXPECT_EQ(row.input_ids,
            (Ids{kCls, kW0 + 1, kW0 + 2, kSep, kW0 + 10, kW0 + 11, kW0 + 12, kW0 + 13, kSep}));
  EXPECT_EQ(row.token_type_ids, (Ids{0, 0, 0, 0, 1, 1, 1, 1, 1}));
  fill_window(e, 2, &row);
  EXPECT_EQ(row.input_ids, (Ids{kCls, kW0 + 1, kW0 + 2, kSep, kW0 + 14, kW0 + 15, kW0 + 16, kSep}));
  EXPECT_EQ(row.token_type_ids, (Ids{0, 0, 0, 0, 1, 1, 1, 1}));
  EXPECT_EQ(e.spans(2)[0].begin, 16);  // "w14"
  EXPECT_EQ(e.spans(2)[0].end, 19);
}

TEST_F(QaEncode, TruncationSideLeftBeginsAtTheEnd) {
  write_file(dir_.file("tokenizer_config.json"), R"({"truncation_side": "left"})");
  tokenizer_.emplace(dir_.path());
  const WindowedText e = encode("w1 w2", "w10 w11 w12 w13 w14 w15 w16", 9, 2);
  EXPECT_EQ(parts_of(e), (Parts{{3, 7}, {1, 5}, {0, 3}}));
  Example row;
  fill_window(e, 0, &row);
  EXPECT_EQ(row.input_ids,
            (Ids{kCls, kW0 + 1, kW0 + 2, kSep, kW0 + 13, kW0 + 14, kW0 + 15, kW0 + 16, kSep}));
  EXPECT_EQ(e.spans(2)[0].begin, 0);  // "w10"
}

TEST_F(QaEncode, ContextThatFitsIsOneWindow) {
  EXPECT_EQ(parts_of(encode("w1 w2", "w10 w11 w12 w13", 9, 8)),
            (Parts{{0, 4}}));  // the stride is not asked
  EXPECT_EQ(parts_of(encode("w1 w2", "w10", 64)), (Parts{{0, 1}}));
  EXPECT_EQ(parts_of(encode("", "w10 w11", 5)), (Parts{{0, 2}}));
}

TEST_F(QaEncode, EmptyContextIsOneWindowOfNothing) {
  for (const char* context : {"", " \n\t"}) {
    const WindowedText e = encode("w1 w2", context, 5);
    EXPECT_EQ(parts_of(e), (Parts{{0, 0}}));
    Example row;
    fill_window(e, 0, &row);
    EXPECT_EQ(row.input_ids, (Ids{kCls, kW0 + 1, kW0 + 2, kSep, kSep}));
  }
}

// -1: 128, at most half of max_length, at most half of a window's context.
TEST_F(QaEncode, StrideFollowsTheWindow) {
  std::string context;
  for (int i = 0; i < 600; ++i) context += "w5 ";
  EXPECT_EQ(encode("w1", context, 384).windows.step, 380 - 128);
  EXPECT_EQ(encode("w1", context, 204).windows.step, 200 - 100);
  std::string question;
  for (int i = 0; i < 100; ++i) question += "w6 ";
  EXPECT_EQ(encode(question, context, 204).windows.step, 101 - 50);
  EXPECT_EQ(encode(question, context, 104).windows.step, 1);  // one token of context a window
  EXPECT_EQ(encode("w1", context, 384, 0).windows.step, 380);
}

TEST_F(QaEncode, RefusesQuestionsThatLeaveNoRoom) {
  EXPECT_EQ(
      error("w1 w2 w3", "w4", 6),
      "dev.json: qas[0]: the question has 3 tokens, which leaves no room for the context in 6");
  EXPECT_EQ(
      error("w1 w2 w3", "", 5),
      "dev.json: qas[0]: the question has 3 tokens, which leaves no room for the context in 5");
  EXPECT_EQ(error("w1 w2 w3", "w4", 7), "");
  EXPECT_EQ(
      error("w1 w2", "w1 w2 w3 w4 w5", 9, 4),
      "dev.json: qas[0]: the question leaves room for 4 tokens of the context in a window of 9, "
      "expected more than the document stride, 4");
  EXPECT_EQ(error("w1 w2", "w1 w2 w3 w4 w5", 9, 3), "");
}

// As run_qa.py: str.lstrip(). Bytes that are not UTF-8 are no white space.
TEST_F(QaEncode, LeadingWhiteSpaceOfTheQuestionGoes) {
  const auto question = [&](const std::string& text) {
    const WindowedText e = encode(text, "w10", 64);
    return Ids(e.whole.ids.begin() + 1, e.whole.ids.begin() + e.head - 1);
  };
  EXPECT_EQ(question(" \t\n\xC2\xA0\xE3\x80\x80w1 "), Ids{kW0 + 1});
  EXPECT_EQ(question(" \n "), Ids{});
  EXPECT_EQ(question("\xFF w1"), Ids{kW0 + 1});
}

TEST_F(QaEncode, ModelsWithoutASecondTypeGetTypeZero) {
  model_.arch.type_vocab_size = 1;
  const WindowedText e = encode("w1", "w2 w3", 64);
  EXPECT_EQ(e.whole.type_ids, Ids(6, 0));
}

}  // namespace
}  // namespace costeff::runtime
