#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "text/tokenizer.h"

namespace costeff::text {

// Where the models put the tokens of one text. All tokens are counted, the first `limit` are kept.
struct TokenSink {
  std::vector<int32_t> ids;
  std::vector<Span> spans;  // [ids] if want_spans
  int64_t count = 0;
  int64_t limit = std::numeric_limits<int64_t>::max();
  bool want_spans = false;
  bool stop_at_limit = false;  // nobody asks how many there would be

  void reset(int64_t new_limit, bool spans_too, bool stop) {
    ids.clear();
    spans.clear();
    count = 0;
    limit = new_limit;
    want_spans = spans_too;
    stop_at_limit = stop;
  }
  // The rest of the text does not matter. True once there is one token more than the limit, so that
  // count > limit still tells that something was cut.
  bool done() const { return stop_at_limit && count > limit; }
  void put(int32_t id, int64_t begin, int64_t end) {
    if (count++ >= limit) return;
    ids.push_back(id);
    if (want_spans) spans.push_back({static_cast<int32_t>(begin), static_cast<int32_t>(end)});
  }
};

}  // namespace costeff::text
