#include "text/tokens/pair.h"

#include <algorithm>

#include "text/expect_error.h"

namespace costeff::text {
namespace {

// The slow tokenizer's loop, as transformers' truncate_sequences has it.
Lengths slow_reference(int64_t a, int64_t b, int64_t budget) {
  while (a + b > budget) {
    if (a > b) {
      --a;
    } else {
      --b;
    }
  }
  return {a, b};
}

// The fast tokenizer's arithmetic, as tokenizers' truncate_encodings has it.
Lengths fast_reference(int64_t a, int64_t b, int64_t budget) {
  if (a + b <= budget) return {a, b};
  const bool swapped = a > b;
  if (swapped) std::swap(a, b);
  b = a > budget ? a : std::max(a, budget - a);
  if (a + b > budget) {
    a = budget / 2;
    b = a + budget % 2;
  }
  if (swapped) std::swap(a, b);
  return {a, b};
}

TEST(CutLengths, LongestFirstEqualsBothReferences) {
  for (int64_t budget = 0; budget <= 14; ++budget) {
    for (int64_t a = 0; a <= 20; ++a) {
      for (int64_t b = 0; b <= 20; ++b) {
        for (const PairCut cut : {PairCut::fast, PairCut::slow}) {
          const Lengths got = cut_lengths(a, b, true, budget, Truncation::longest_first, cut);
          Lengths want =
              cut == PairCut::fast ? fast_reference(a, b, budget) : slow_reference(a, b, budget);
          if (budget == 0) want = {0, 0};
          ASSERT_EQ(got.a, want.a)
              << a << " " << b << " " << budget << " " << static_cast<int>(cut);
          ASSERT_EQ(got.b, want.b)
              << a << " " << b << " " << budget << " " << static_cast<int>(cut);
        }
      }
    }
  }
}

TEST(CutLengths, OddBudget) {
  // BERT at 16: 13 tokens for two texts.
  const auto cut = [](int64_t a, int64_t b, PairCut how) {
    const Lengths l = cut_lengths(a, b, true, 13, Truncation::longest_first, how);
    return std::pair(l.a, l.b);
  };
  EXPECT_EQ(cut(20, 20, PairCut::fast), std::pair(int64_t{6}, int64_t{7}));
  EXPECT_EQ(cut(20, 30, PairCut::fast), std::pair(int64_t{6}, int64_t{7}));
  EXPECT_EQ(cut(30, 20, PairCut::fast), std::pair(int64_t{7}, int64_t{6}));
  EXPECT_EQ(cut(20, 20, PairCut::slow), std::pair(int64_t{7}, int64_t{6}));
  EXPECT_EQ(cut(20, 30, PairCut::slow), std::pair(int64_t{7}, int64_t{6}));
}

TEST(CutLengths, Single) {
  EXPECT_EQ(cut_lengths(20, 0, false, 13, Truncation::longest_first, PairCut::fast).a, 13);
  EXPECT_EQ(cut_lengths(20, 0, false, 13, Truncation::only_first, PairCut::fast).a, 13);
  EXPECT_EQ(cut_lengths(5, 0, false, 13, Truncation::only_second, PairCut::fast).a, 5);
  expect_error(ErrorKind::input, {"only_second", "no second text"},
               [] { cut_lengths(20, 0, false, 13, Truncation::only_second, PairCut::fast); });
}

TEST(CutLengths, OneSideOnly) {
  const Lengths first = cut_lengths(9, 6, true, 10, Truncation::only_first, PairCut::fast);
  EXPECT_EQ(first.a, 4);
  EXPECT_EQ(first.b, 6);
  const Lengths second = cut_lengths(9, 6, true, 10, Truncation::only_second, PairCut::fast);
  EXPECT_EQ(second.a, 9);
  EXPECT_EQ(second.b, 1);
  // Refused: nothing of the text would be left.
  expect_error(ErrorKind::input, {"only_first", "first text has 5 tokens", "5 would"},
               [] { cut_lengths(5, 10, true, 10, Truncation::only_first, PairCut::fast); });
  expect_error(ErrorKind::input, {"only_second", "second text has 1 token,"},
               [] { cut_lengths(20, 1, true, 10, Truncation::only_second, PairCut::fast); });
}

TEST(TokenBudget, BelowTheSpecialTokensIsRefused) {
  const Template form = roberta_template(0, 2);
  EXPECT_EQ(token_budget(form, true, {.max_length = 4}), 0);
  EXPECT_EQ(token_budget(form, false, {.max_length = 4}), 2);
  EXPECT_EQ(token_budget(form, true, {}), -1);
  expect_error(ErrorKind::usage, {"maximum length 3", "at least 4"},
               [&] { token_budget(form, true, {.max_length = 3}); });
  expect_error(ErrorKind::usage, {"maximum length -1"},
               [&] { token_budget(form, false, {.max_length = -1}); });
}

TokenSink sink_of(std::vector<int32_t> ids) {
  TokenSink sink;
  sink.want_spans = true;
  int64_t at = 10;
  for (const int32_t id : ids) {
    sink.put(id, at, at + 1);
    ++at;
  }
  return sink;
}

TEST(Assemble, Bert) {
  const Template form = bert_template(101, 102);
  const TokenSink a = sink_of({1, 2, 3}), b = sink_of({4, 5});
  Encoding out;
  assemble(form, a, b, true, -1, {.offsets = true}, &out);
  EXPECT_EQ(out.ids, (std::vector<int32_t>{101, 1, 2, 3, 102, 4, 5, 102}));
  EXPECT_EQ(out.type_ids, (std::vector<int32_t>{0, 0, 0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(out.sides, (std::vector<int8_t>{-1, 0, 0, 0, -1, 1, 1, -1}));
  ASSERT_EQ(out.spans.size(), 8u);
  EXPECT_EQ(out.spans[0].end, 0);
  EXPECT_EQ(out.spans[5].begin, 10);
  EXPECT_FALSE(out.truncated);

  assemble(form, a, b, false, 2, {}, &out);
  EXPECT_EQ(out.ids, (std::vector<int32_t>{101, 1, 2, 102}));
  EXPECT_EQ(out.type_ids, (std::vector<int32_t>{0, 0, 0, 0}));
  EXPECT_TRUE(out.spans.empty());
  EXPECT_TRUE(out.sides.empty());
  EXPECT_TRUE(out.truncated);

  assemble(form, a, b, true, 0, {}, &out);  // the specials alone
  EXPECT_EQ(out.ids, (std::vector<int32_t>{101, 102, 102}));
  EXPECT_EQ(out.type_ids, (std::vector<int32_t>{0, 0, 1}));
}

TEST(Assemble, Roberta) {
  const Template form = roberta_template(0, 2);
  Encoding out;
  assemble(form, sink_of({7}), sink_of({8}), true, -1, {}, &out);
  EXPECT_EQ(out.ids, (std::vector<int32_t>{0, 7, 2, 2, 8, 2}));
  EXPECT_EQ(out.type_ids, (std::vector<int32_t>(6, 0)));
  EXPECT_EQ(form.specials(true), 4);
  EXPECT_EQ(form.specials(false), 2);
}

}  // namespace
}  // namespace costeff::text
