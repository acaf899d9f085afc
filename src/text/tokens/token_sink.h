#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "text/chars/span.h"

namespace costeff::text {

// Where the models put the tokens of one text. All tokens are counted. The first `limit` are kept,
// or, with keep_last, the last ones and some before them.
struct TokenSink {
  std::vector<int32_t> ids;
  std::vector<Span> spans;  // [ids] if want_spans
  int64_t count = 0;
  int64_t limit = std::numeric_limits<int64_t>::max();
  bool want_spans = false;
  bool stop_at_limit = false;  // the number of tokens beyond it does not matter
  bool keep_last = false;

  void reset(int64_t new_limit, bool spans_too, bool stop, bool last = false) {
    ids.clear();
    spans.clear();
    count = 0;
    limit = new_limit;
    want_spans = spans_too;
    stop_at_limit = stop && !last;
    keep_last = last;
  }
  // True if the rest of the text does not matter. That takes one token more than the limit, so that
  // count > limit still tells that something was cut.
  bool done() const { return stop_at_limit && count > limit; }
  void put(int32_t id, int64_t begin, int64_t end) {
    if (count++ >= limit) {
      if (!keep_last) return;
      if (ids.size() / 2 >= static_cast<size_t>(limit) + kMaxDropped) forget_first();
    }
    ids.push_back(id);
    if (want_spans) spans.push_back({static_cast<int32_t>(begin), static_cast<int32_t>(end)});
  }

  // Drops all tokens but the first `new_count`: at most the last kMaxDropped.
  static constexpr size_t kMaxDropped = 512;
  void drop_after(int64_t new_count) {
    const size_t dropped = static_cast<size_t>(count - new_count);
    const size_t left =
        keep_last ? ids.size() - dropped : static_cast<size_t>(std::min(new_count, limit));
    count = new_count;
    ids.resize(left);
    if (want_spans) spans.resize(left);
  }

 private:
  void forget_first() {
    const auto gone =
        static_cast<std::ptrdiff_t>(ids.size() - static_cast<size_t>(limit) - kMaxDropped);
    ids.erase(ids.begin(), ids.begin() + gone);
    if (want_spans) spans.erase(spans.begin(), spans.begin() + gone);
  }
};

}  // namespace costeff::text
