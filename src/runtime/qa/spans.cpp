#include "runtime/qa/spans.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/utf8.h"

namespace costeff::runtime {
namespace {

// The `count` tokens t with the largest logits[2 t + which]; the first of equals.
std::vector<int64_t> likeliest(std::span<const float> logits, size_t which, int64_t count) {
  std::vector<int64_t> order(logits.size() / 2);
  std::iota(order.begin(), order.end(), 0);
  const auto logit = [&](int64_t t) { return logits[static_cast<size_t>(t) * 2 + which]; };
  const auto n = std::min<int64_t>(count, static_cast<int64_t>(order.size()));
  std::partial_sort(order.begin(), order.begin() + n, order.end(), [&](int64_t a, int64_t b) {
    return logit(a) != logit(b) ? logit(a) > logit(b) : a < b;
  });
  order.resize(static_cast<size_t>(n));
  return order;
}

// One window. Tokens are counted from the first of the context.
struct Window {
  std::span<const float> logits;
  int64_t head;
  std::span<const text::Span> spans;

  int64_t tokens() const { return static_cast<int64_t>(spans.size()); }
  QaSpan span(int64_t start, int64_t end) const {
    return {spans[static_cast<size_t>(start)].begin, spans[static_cast<size_t>(end)].end,
            logits[static_cast<size_t>(head + start) * 2],
            logits[static_cast<size_t>(head + end) * 2 + 1]};
  }
};

// The likely spans of a window, ordered by start, then end.
std::vector<QaSpan> likely_spans(const Window& w, const QaOptions& options) {
  const auto in_context = [&](size_t which) {
    std::vector<int64_t> tokens = likeliest(w.logits, which, options.n_best);
    for (int64_t& t : tokens) t -= w.head;
    std::erase_if(tokens, [&](int64_t t) { return t < 0 || t >= w.tokens(); });
    std::sort(tokens.begin(), tokens.end());
    return tokens;
  };
  const std::vector<int64_t> starts = in_context(0), ends = in_context(1);
  std::vector<QaSpan> spans;
  for (int64_t start : starts) {
    for (int64_t end : ends) {
      if (end >= start && end - start < options.max_answer_length)
        spans.push_back(w.span(start, end));
    }
  }
  return spans;
}

// The best of all spans; the first of equals. There must be a token.
QaSpan best_span(const Window& w, int64_t max_answer_length) {
  QaSpan best = w.span(0, 0);
  for (int64_t start = 0; start < w.tokens(); ++start) {
    const int64_t limit = std::min(w.tokens(), start + max_answer_length);
    for (int64_t end = start; end < limit; ++end) {
      if (const QaSpan s = w.span(start, end); s.score() > best.score()) best = s;
    }
  }
  return best;
}

bool higher(const QaSpan& a, const QaSpan& b) { return a.score() > b.score(); }

// Adds spans to the best ones, which stay ordered, have different bytes, and are at most n_best. Of
// spans with the same bytes, or with equal scores, the earlier one goes first.
void merge(std::vector<QaSpan> spans, int64_t n_best, std::vector<QaSpan>* best) {
  best->insert(best->end(), spans.begin(), spans.end());
  std::stable_sort(best->begin(), best->end(), higher);
  std::vector<QaSpan> kept;
  for (const QaSpan& s : *best) {
    if (static_cast<int64_t>(kept.size()) == n_best) break;
    const bool there = std::any_of(kept.begin(), kept.end(), [&](const QaSpan& k) {
      return k.begin == s.begin && k.end == s.end;
    });
    if (!there) kept.push_back(s);
  }
  *best = std::move(kept);
}

// Converts the answers' byte offsets to code points, in one pass over the context.
void count_characters(std::string_view context, std::vector<QaAnswer>* answers) {
  struct Place {
    int64_t byte;
    int64_t* character;
  };
  std::vector<Place> places;
  for (QaAnswer& a : *answers) {
    places.push_back({a.begin, &a.char_begin});
    places.push_back({a.end, &a.char_end});
  }
  std::sort(places.begin(), places.end(),
            [](const Place& a, const Place& b) { return a.byte < b.byte; });
  size_t at = 0;
  int64_t characters = 0;
  bool bad = false;
  for (const Place& p : places) {
    for (; static_cast<int64_t>(at) < p.byte; ++characters) next_code_point(context, &at, &bad);
    *p.character = characters;
  }
}

void set_scores(std::vector<QaAnswer>* answers) {
  if (answers->empty()) return;
  const auto score = [](const QaAnswer& a) {
    return static_cast<double>(a.start_logit) + static_cast<double>(a.end_logit);
  };
  const double highest = score(answers->front());
  double sum = 0;
  for (const QaAnswer& a : *answers) sum += std::exp(score(a) - highest);
  for (QaAnswer& a : *answers) a.score = static_cast<float>(std::exp(score(a) - highest) / sum);
}

}  // namespace

void search_window(std::span<const float> logits, int64_t head, std::span<const text::Span> spans,
                   const QaOptions& options, SpanSearch* search) {
  const double null = static_cast<double>(logits[0]) + static_cast<double>(logits[1]);
  if (!search->any_window ||
      null < static_cast<double>(search->null_start) + static_cast<double>(search->null_end)) {
    search->null_start = logits[0];
    search->null_end = logits[1];
  }
  search->any_window = true;
  if (spans.empty()) return;
  const Window window{logits, head, spans};
  std::vector<QaSpan> likely = likely_spans(window, options);
  if (!likely.empty()) {
    merge(std::move(likely), options.n_best, &search->best);
  } else {
    merge({best_span(window, options.max_answer_length)}, 1, &search->rest);
  }
}

void finish_search(const SpanSearch& search, std::string_view context, const QaOptions& options,
                   QaResult* result) {
  std::vector<QaAnswer>& answers = result->n_best;
  answers.clear();
  for (const QaSpan& s : search.best.empty() ? search.rest : search.best) {
    QaAnswer& a = answers.emplace_back();
    a.begin = s.begin;
    a.end = s.end;
    a.text = context.substr(static_cast<size_t>(s.begin), static_cast<size_t>(s.end - s.begin));
    a.start_logit = s.start_logit;
    a.end_logit = s.end_logit;
  }
  count_characters(context, &answers);

  const auto has_text = [](const QaAnswer& a) { return !a.text.empty(); };
  const double null = static_cast<double>(search.null_start) + static_cast<double>(search.null_end);
  auto best = std::find_if(answers.begin(), answers.end(), has_text);
  double odds = std::numeric_limits<double>::infinity();
  if (best != answers.end()) {
    odds = null - (static_cast<double>(best->start_logit) + static_cast<double>(best->end_logit));
  }
  result->null_score = static_cast<float>(null);
  result->null_odds = static_cast<float>(odds);

  auto chosen = best - answers.begin();
  if (options.version_2) {
    QaAnswer none;
    none.start_logit = search.null_start;
    none.end_logit = search.null_end;
    const auto at = std::find_if(answers.begin(), answers.end(), [&](const QaAnswer& a) {
      return null > static_cast<double>(a.start_logit) + static_cast<double>(a.end_logit);
    });
    const auto null_at = at - answers.begin();
    chosen += null_at <= chosen;
    answers.insert(at, none);
    if (odds > options.null_threshold) chosen = null_at;
    // The reference sorts all, keeps n_best and puts the null answer back. So the last span is dropped
    // for it, unless that is the answer.
    const auto last = static_cast<int64_t>(answers.size()) - 1;
    if (last == options.n_best && last != null_at && last != chosen) answers.pop_back();
  }
  set_scores(&answers);
  result->answer = chosen < static_cast<int64_t>(answers.size())
                       ? answers[static_cast<size_t>(chosen)]
                       : QaAnswer();
}

}  // namespace costeff::runtime
