#pragma once

// What must hold of every encoding, whatever the tokenizer and the text.

#include <costeff/error.h>
#include <costeff/options.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string_view>

#include "fuzz/check.h"
#include "text/tokenizer.h"

namespace costeff::fuzz {

inline EncodeOptions encode_options(uint8_t byte) {
  EncodeOptions options;
  options.offsets = true;
  options.max_length = byte & 31;  // 0: no truncation
  options.pair_cut = byte & 32 ? PairCut::slow : PairCut::fast;
  constexpr Truncation kModes[] = {Truncation::longest_first, Truncation::longest_first,
                                   Truncation::only_first, Truncation::only_second};
  options.truncation = kModes[byte >> 6];
  return options;
}

inline bool equal(const text::Encoding& a, const text::Encoding& b) {
  const auto same_spans = [](const text::Span& x, const text::Span& y) {
    return x.begin == y.begin && x.end == y.end;
  };
  return a.ids == b.ids && a.type_ids == b.type_ids && a.sides == b.sides &&
         a.bad_utf8 == b.bad_utf8 && a.truncated == b.truncated &&
         std::equal(a.spans.begin(), a.spans.end(), b.spans.begin(), b.spans.end(), same_spans);
}

// Sizes agree, ids exist, spans lie in their text, and none ends before the one before it begins.
inline void check_encoding(const text::Tokenizer& t, const text::Encoding& e,
                           const std::array<size_t, 2>& sizes) {
  const size_t n = e.ids.size();
  require(e.type_ids.size() == n && e.spans.size() == n && e.sides.size() == n);
  for (const int32_t id : e.ids) require(id >= 0 && id < t.vocab_size() && !t.token(id).empty());
  std::array<int32_t, 2> last{};
  for (size_t i = 0; i < n; ++i) {
    const text::Span span = e.spans[i];
    if (e.sides[i] < 0) {
      require(span.begin == 0 && span.end == 0);
      continue;
    }
    const auto side = static_cast<size_t>(e.sides[i]);
    require(side < 2 && last[side] <= span.end && span.begin <= span.end);
    require(static_cast<size_t>(span.end) <= sizes[side]);
    last[side] = span.begin;
  }
}

// Encodes with the options and without any, and compares a second call, a call without offsets, and
// what truncation leaves.
inline void check_text(const text::Tokenizer& t, std::string_view a,
                       std::optional<std::string_view> b, const EncodeOptions& options) {
  const std::array<size_t, 2> sizes{a.size(), b ? b->size() : 0};
  text::Encoding whole, cut, again;
  t.encode(a, b, {.offsets = true}, &whole);
  check_encoding(t, whole, sizes);
  require(!whole.truncated);
  t.encode(a, b, {.offsets = true}, &again);
  require(equal(whole, again));
  t.encode(a, b, {}, &again);
  require(again.ids == whole.ids && again.spans.empty() && again.sides.empty());
  try {
    t.encode(a, b, options, &cut);
  } catch (const Error& e) {
    check_error(e);
    require(e.kind() == ErrorKind::input || e.kind() == ErrorKind::usage);
    return;
  }
  check_encoding(t, cut, sizes);
  if (options.max_length == 0) {
    require(equal(whole, cut));
    return;
  }
  require(cut.ids.size() <= static_cast<size_t>(options.max_length));
  require(cut.truncated == (cut.ids.size() < whole.ids.size()));
  if (cut.truncated) {
    require(cut.ids.size() == static_cast<size_t>(options.max_length));
  }
  // What is left of a text is its beginning, or its end, and all places are used.
  for (int8_t side = 0; side < 2; ++side) {
    const auto all = std::count(whole.sides.begin(), whole.sides.end(), side);
    const auto kept = std::count(cut.sides.begin(), cut.sides.end(), side);
    require(kept <= all);
    auto from = whole.sides.begin();
    for (auto skip = t.truncates_left() ? all - kept : 0; skip > 0; --skip) {
      from = std::find(from, whole.sides.end(), side) + 1;
    }
    for (size_t i = 0; i < cut.ids.size(); ++i) {
      if (cut.sides[i] != side) continue;
      from = std::find(from, whole.sides.end(), side);
      require(from != whole.sides.end());
      require(whole.ids[static_cast<size_t>(from - whole.sides.begin())] == cut.ids[i]);
      ++from;
    }
  }
}

// Texts in, findings out. An Error that the text causes is a right answer.
inline void check_texts(const text::Tokenizer& t, Input* input, const EncodeOptions& options) {
  const std::string_view a = input->part();
  const bool pair = !input->empty();
  const std::string_view b = input->rest();
  try {
    check_text(t, a, pair ? std::optional(b) : std::nullopt, options);
  } catch (const Error& e) {
    check_error(e);
    require(e.kind() == ErrorKind::input);
  }
}

}  // namespace costeff::fuzz
