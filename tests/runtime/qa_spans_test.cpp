// From logits to answers: hand-made cases, and a slow reference on random logits.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "runtime/qa/spans.h"
#include "test_random.h"

namespace costeff::runtime {
namespace {

struct TestWindow {
  std::vector<float> logits;  // [S, 2]
  int64_t head = 0;
  std::vector<text::Span> spans;
};

// `context` words of one letter and a blank, from word `first`: [CLS] q [SEP] words [SEP].
TestWindow words(int64_t first, int64_t context, int64_t question = 1) {
  TestWindow w;
  w.head = question + 2;
  w.logits.assign(static_cast<size_t>(w.head + context + 1) * 2, -10.0f);
  for (int64_t i = first; i < first + context; ++i) {
    w.spans.push_back({static_cast<int32_t>(2 * i), static_cast<int32_t>(2 * i + 1)});
  }
  return w;
}
void set_start(TestWindow* w, int64_t token, float logit) {
  w->logits[static_cast<size_t>(token) * 2] = logit;
}
void set_end(TestWindow* w, int64_t token, float logit) {
  w->logits[static_cast<size_t>(token) * 2 + 1] = logit;
}

QaResult answer(const std::vector<TestWindow>& windows, const std::string& context,
                const QaOptions& options = {}) {
  SpanSearch search;
  for (const TestWindow& w : windows) search_window(w.logits, w.head, w.spans, options, &search);
  QaResult result;
  finish_search(search, context, options, &result);
  return result;
}

std::vector<std::string> texts(const QaResult& r) {
  std::vector<std::string> out;
  for (const QaAnswer& a : r.n_best) out.push_back(a.text);
  return out;
}
using Texts = std::vector<std::string>;

TEST(QaSpans, BestPairOfStartAndEnd) {
  TestWindow w = words(0, 4);  // tokens: [CLS] q [SEP] a b c d [SEP]
  set_start(&w, 4, 3);         // b
  set_start(&w, 6, 2);         // d
  set_end(&w, 5, 1);           // c
  set_end(&w, 3, 4);           // a: before the likeliest start
  QaOptions options;
  options.n_best = 2;
  const QaResult r = answer({w}, "a b c d", options);
  EXPECT_EQ(r.answer.text, "b c");
  EXPECT_EQ(r.answer.begin, 2);
  EXPECT_EQ(r.answer.end, 5);
  EXPECT_EQ(r.answer.start_logit, 3);
  EXPECT_EQ(r.answer.end_logit, 1);
  EXPECT_EQ(texts(r), (Texts{"b c"}));  // of {b, d} x {a, c} nothing else is in order
  EXPECT_EQ(r.answer.score, 1);
}

TEST(QaSpans, ScoresAreTheSoftmaxOfTheList) {
  TestWindow w = words(0, 2);
  set_start(&w, 3, 1);
  set_end(&w, 3, 2);
  set_end(&w, 4, 2.5f);
  set_start(&w, 4, 0);
  const QaResult r = answer({w}, "a b");
  EXPECT_EQ(texts(r), (Texts{"a b", "a", "b"}));  // 3.5, 3, 2.5
  const double sum = 1 + std::exp(-0.5) + std::exp(-1.0);
  EXPECT_FLOAT_EQ(r.n_best[0].score, static_cast<float>(1 / sum));
  EXPECT_FLOAT_EQ(r.n_best[1].score, static_cast<float>(std::exp(-0.5) / sum));
  EXPECT_FLOAT_EQ(r.n_best[2].score, static_cast<float>(std::exp(-1.0) / sum));
}

TEST(QaSpans, QuestionAndSpecialTokensDoNotAnswer) {
  TestWindow w = words(0, 2);
  for (int64_t t : {0, 1, 2, 5}) {
    set_start(&w, t, 50);
    set_end(&w, t, 50);
  }
  set_start(&w, 3, 1);
  set_end(&w, 3, 1);
  EXPECT_EQ(answer({w}, "a b").answer.text, "a");
}

TEST(QaSpans, LengthLimitCountsTokens) {
  TestWindow w = words(0, 4);
  set_start(&w, 3, 9);
  set_end(&w, 6, 9);
  set_end(&w, 5, 5);
  QaOptions options;
  options.max_answer_length = 4;
  EXPECT_EQ(answer({w}, "a b c d", options).answer.text, "a b c d");
  options.max_answer_length = 3;
  EXPECT_EQ(answer({w}, "a b c d", options).answer.text, "a b c");
}

TEST(QaSpans, BestOverWindowsAndOneSpanOnce) {
  TestWindow first = words(0, 3), second = words(2, 3);  // c is in both
  set_start(&first, 5, 2);
  set_end(&first, 5, 2);
  set_start(&second, 3, 3);
  set_end(&second, 3, 3);
  const QaResult r = answer({first, second}, "a b c d e");
  EXPECT_EQ(r.answer.text, "c");
  EXPECT_EQ(r.answer.start_logit, 3);
  EXPECT_EQ(std::count_if(r.n_best.begin(), r.n_best.end(),
                          [](const QaAnswer& a) { return a.text == "c"; }),
            1);
  EXPECT_GT(r.answer.score, 0.99f);  // not half of it
}

TEST(QaSpans, TiesGoToTheEarlierOne) {
  TestWindow w = words(0, 3);
  for (int64_t t : {3, 4, 5}) {
    set_start(&w, t, 1);
    set_end(&w, t, 1);
  }
  QaOptions options;
  EXPECT_EQ(texts(answer({w}, "a b c", options)), (Texts{"a", "a b", "a b c", "b", "b c", "c"}));
  TestWindow later = words(3, 1);
  set_start(&later, 3, 1);
  set_end(&later, 3, 1);
  EXPECT_EQ(answer({w, later}, "a b c d", options).answer.text, "a");
  EXPECT_EQ(answer({later, w}, "a b c d", options).answer.text, "d");
  options.n_best = 2;  // the first two starts and ends of those that are equal
  EXPECT_EQ(texts(answer({w}, "a b c", options)), (Texts{"a", "a b"}));
}

// If no likely start fits a likely end, the best of all spans is the answer.
TEST(QaSpans, WindowWithoutALikelySpan) {
  TestWindow w = words(0, 3);
  set_start(&w, 5, 5);
  set_end(&w, 3, 5);
  QaOptions options;
  options.n_best = 1;
  const QaResult r = answer({w}, "a b c", options);
  EXPECT_EQ(r.answer.text, "a");  // 5 - 10, before "c" of the same sum
  EXPECT_EQ(r.answer.score, 1);
  TestWindow other = words(3, 1);
  set_start(&other, 3,
            -9);  // both are likeliest there, so they meet: goes before, whatever the sum
  set_end(&other, 3, -9);
  EXPECT_EQ(answer({w, other}, "a b c d", options).answer.text, "d");
}

TEST(QaSpans, NoAnswerOfSquadVersion2) {
  TestWindow first = words(0, 2), second = words(2, 2);
  set_start(&first, 3, 2);
  set_end(&first, 3, 1);
  set_start(&first, 0, 5);
  set_end(&first, 0, 4);
  set_start(&second, 0, 3);  // the lowest null score counts: 3.5
  set_end(&second, 0, 0.5f);
  const std::string context = "a b c d";
  QaOptions options;
  EXPECT_EQ(answer({first, second}, context, options).answer.text, "a");

  options.version_2 = true;
  QaResult r = answer({first, second}, context, options);
  EXPECT_EQ(r.answer.text, "");
  EXPECT_EQ(r.answer.begin, 0);
  EXPECT_EQ(r.answer.end, 0);
  EXPECT_EQ(r.null_score, 3.5f);
  EXPECT_EQ(r.null_odds, 0.5f);
  EXPECT_EQ(r.n_best[0].text, "");
  EXPECT_EQ(r.n_best[1].text, "a");
  EXPECT_EQ(r.answer.score, r.n_best[0].score);

  options.null_threshold = 0.5;  // not above it
  r = answer({first, second}, context, options);
  EXPECT_EQ(r.answer.text, "a");
  EXPECT_EQ(r.answer.score, r.n_best[1].score);
  options.null_threshold = -1;
  EXPECT_EQ(answer({first, second}, context, options).answer.text, "");
  set_start(&second, 0, 1);  // now 1.5 less than the span
  EXPECT_EQ(answer({first, second}, context, options).answer.text, "a");
}

TEST(QaSpans, NullAnswerIsAlwaysInTheListOfVersion2) {
  TestWindow w = words(0, 3);
  set_start(&w, 3, 1);
  set_end(&w, 3, 3);
  set_end(&w, 4, 2);
  set_end(&w, 5, 1);
  QaOptions options;
  options.version_2 = true;
  options.n_best = 2;
  EXPECT_EQ(texts(answer({w}, "a b c", options)), (Texts{"a", "a b", ""}));  // -20: put back
  set_start(&w, 0, 0);
  set_end(&w, 0, 3.5f);
  EXPECT_EQ(texts(answer({w}, "a b c", options)), (Texts{"a", ""}));
  set_end(&w, 0, 9);
  EXPECT_EQ(texts(answer({w}, "a b c", options)), (Texts{"", "a"}));
  options.n_best = 1;
  EXPECT_EQ(texts(answer({w}, "a b c", options)), (Texts{""}));
  options.null_threshold = 100;  // the span that answers stays in the list
  const QaResult r = answer({w}, "a b c", options);
  EXPECT_EQ(r.answer.text, "a");
  EXPECT_EQ(texts(r), (Texts{"", "a"}));
}

TEST(QaSpans, ContextWithoutTokens) {
  TestWindow w = words(0, 0);
  QaResult r = answer({w}, "  ");
  EXPECT_EQ(r.answer.text, "");
  EXPECT_EQ(r.answer.score, 0);
  EXPECT_TRUE(r.n_best.empty());
  QaOptions options;
  options.version_2 = true;
  r = answer({w}, "  ", options);
  EXPECT_EQ(r.answer.text, "");
  EXPECT_EQ(r.answer.score, 1);
  EXPECT_EQ(r.null_odds, std::numeric_limits<float>::infinity());
}

TEST(QaSpans, TokensWithoutTextDoNotAnswer) {
  TestWindow w = words(0, 2);
  w.spans[0] = {0, 0};
  set_start(&w, 3, 9);
  set_end(&w, 3, 9);
  set_start(&w, 4, 1);
  set_end(&w, 4, 1);
  const QaResult r = answer({w}, "a b");
  EXPECT_EQ(r.answer.text, "a b");  // 9 + 1; "" has 18
  EXPECT_EQ(r.n_best[0].text, "");
}

// Offsets as Python counts: "naïve 你好 😀 e" + U+0301; bytes that are not UTF-8 count one for each
// U+FFFD that they are read as.
TEST(QaSpans, CharactersOfTextBeyondAscii) {
  const std::string context =
      "na\xC3\xAFve \xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x98\x80 e\xCC\x81 \xE4\xB8 z";
  struct Case {
    text::Span bytes;
    int64_t begin, end;
  };
  const Case cases[] = {{{0, 6}, 0, 5},     {{7, 10}, 6, 7},    {{7, 13}, 6, 8},
                        {{14, 18}, 9, 10},  {{19, 22}, 11, 13}, {{23, 25}, 14, 15},
                        {{26, 27}, 16, 17}, {{0, 27}, 0, 17}};
  for (const Case& c : cases) {
    TestWindow w = words(0, 1);
    w.spans[0] = c.bytes;
    const QaResult r = answer({w}, context);
    EXPECT_EQ(r.answer.text, context.substr(static_cast<size_t>(c.bytes.begin),
                                            static_cast<size_t>(c.bytes.end - c.bytes.begin)));
    EXPECT_EQ(r.answer.char_begin, c.begin);
    EXPECT_EQ(r.answer.char_end, c.end);
  }
}

// The same search, written as one slow loop over everything.
struct Slow {
  struct Span {
    double score;
    int32_t begin, end;
  };
  static int64_t rank(const TestWindow& w, int64_t token, size_t which) {
    int64_t before = 0;
    const float own = w.logits[static_cast<size_t>(token) * 2 + which];
    for (int64_t t = 0; t < static_cast<int64_t>(w.logits.size()) / 2; ++t) {
      const float other = w.logits[static_cast<size_t>(t) * 2 + which];
      before += other > own || (other == own && t < token);
    }
    return before;
  }
  static std::vector<Span> best(const std::vector<TestWindow>& windows, const QaOptions& o) {
    std::vector<Span> all;
    for (const TestWindow& w : windows) {
      const auto n = static_cast<int64_t>(w.spans.size());
      for (int64_t s = 0; s < n; ++s) {
        for (int64_t e = s; e < n && e - s + 1 <= o.max_answer_length; ++e) {
          if (rank(w, w.head + s, 0) >= o.n_best || rank(w, w.head + e, 1) >= o.n_best) continue;
          const double score =
              static_cast<double>(w.logits[static_cast<size_t>(w.head + s) * 2]) +
              static_cast<double>(w.logits[static_cast<size_t>(w.head + e) * 2 + 1]);
          all.push_back(
              {score, w.spans[static_cast<size_t>(s)].begin, w.spans[static_cast<size_t>(e)].end});
        }
      }
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const Span& a, const Span& b) { return a.score > b.score; });
    std::vector<Span> kept;
    for (const Span& s : all) {
      const auto same = [&](const Span& k) { return k.begin == s.begin && k.end == s.end; };
      if (std::none_of(kept.begin(), kept.end(), same)) kept.push_back(s);
    }
    if (static_cast<int64_t>(kept.size()) > o.n_best) kept.resize(static_cast<size_t>(o.n_best));
    return kept;
  }
};

TEST(QaSpans, AsASlowSearchOverEverything) {
  std::mt19937_64 rng(test_seed());
  const auto below = [&](uint64_t n) { return static_cast<int64_t>(rng() % n); };
  int64_t with_answers = 0;
  for (int round = 0; round < 2000; ++round) {
    const int64_t total = 1 + below(20), width = 1 + below(8),
                  stride = below(static_cast<uint64_t>(width));
    QaOptions options;
    options.n_best = 1 + below(round % 2 ? 30 : 6);
    options.max_answer_length = 1 + below(8);
    std::vector<TestWindow> windows;
    for (int64_t first = 0;; first += width - stride) {
      windows.push_back(words(first, std::min(width, total - first), below(3)));
      // Few different values: ties are common.
      for (float& v : windows.back().logits) v = static_cast<float>(below(round % 3 ? 6 : 1000));
      if (first + width >= total) break;
    }
    const auto expected = Slow::best(windows, options);
    if (expected.empty()) continue;  // WindowWithoutALikelySpan
    ++with_answers;
    const QaResult r = answer(windows, std::string(static_cast<size_t>(2 * total), 'x'), options);
    ASSERT_EQ(r.n_best.size(), expected.size()) << "round " << round << ", seed " << test_seed();
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(r.n_best[i].begin, expected[i].begin)
          << "round " << round << ", seed " << test_seed();
      ASSERT_EQ(r.n_best[i].end, expected[i].end);
      ASSERT_EQ(
          static_cast<double>(r.n_best[i].start_logit) + static_cast<double>(r.n_best[i].end_logit),
          expected[i].score);
    }
    ASSERT_EQ(r.answer.begin, expected[0].begin);
  }
  EXPECT_GT(with_answers, 1000);
}

}  // namespace
}  // namespace costeff::runtime
