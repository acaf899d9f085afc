#include "text/tokens/pair.h"

#include <algorithm>
#include <cstddef>

#include "base/fail.h"

namespace costeff::text {
namespace {

// What is left of `count` tokens without `excess` of them. Throws Error(input) if nothing is;
// `which` and `mode` are for the message.
int64_t cut_one(int64_t count, int64_t excess, const char* which, const char* mode) {
  if (count > excess) return count - excess;
  fail_input(
      "truncation {}: the {} text has {} token{}, and {} would have to go to reach the maximum "
      "length",
      mode, which, count, count == 1 ? "" : "s", excess);
}

Lengths cut_longest_first(int64_t a, int64_t b, int64_t budget, PairCut pair_cut) {
  const int64_t half = budget / 2;
  if (pair_cut == PairCut::slow) {
    // Tokens go one at a time from the longer text, from the second on a tie. Equal halves are
    // left, with the odd token in the first.
    const int64_t more = budget - half;
    if (b <= half) return {budget - b, b};
    if (a <= more) return {a, budget - a};
    return {more, half};
  }
  // The shorter text stays whole if it is at most half; otherwise it gets half, rounded down.
  const bool a_longer = a > b;
  const int64_t shorter = std::min(std::min(a, b), half);
  return a_longer ? Lengths{budget - shorter, shorter} : Lengths{shorter, budget - shorter};
}

}  // namespace

int64_t Template::specials(bool is_pair) const {
  const auto& pieces = is_pair ? pair : single;
  return std::count_if(pieces.begin(), pieces.end(),
                       [](const TemplatePiece& p) { return p.what == TemplatePiece::special; });
}

Template bert_template(int32_t cls, int32_t sep) {
  using P = TemplatePiece;
  return {.single = {{P::special, cls, 0}, {P::text_a, 0, 0}, {P::special, sep, 0}},
          .pair = {{P::special, cls, 0},
                   {P::text_a, 0, 0},
                   {P::special, sep, 0},
                   {P::text_b, 0, 1},
                   {P::special, sep, 1}}};
}

Template roberta_template(int32_t cls, int32_t sep) {
  using P = TemplatePiece;
  return {.single = {{P::special, cls, 0}, {P::text_a, 0, 0}, {P::special, sep, 0}},
          .pair = {{P::special, cls, 0},
                   {P::text_a, 0, 0},
                   {P::special, sep, 0},
                   {P::special, sep, 0},
                   {P::text_b, 0, 0},
                   {P::special, sep, 0}}};
}

Lengths cut_lengths(int64_t count_a, int64_t count_b, bool is_pair, int64_t budget,
                    Truncation truncation, PairCut pair_cut) {
  if (!is_pair) count_b = 0;
  if (budget == 0) return {0, 0};
  if (count_a + count_b <= budget) return {count_a, count_b};
  const int64_t excess = count_a + count_b - budget;
  switch (truncation) {
    case Truncation::only_first:
      return {cut_one(count_a, excess, "first", "only_first"), count_b};
    case Truncation::only_second:
      if (!is_pair) throw_input("truncation only_second: there is no second text");
      return {count_a, cut_one(count_b, excess, "second", "only_second")};
    case Truncation::longest_first:
      break;
  }
  if (!is_pair) return {budget, 0};
  return cut_longest_first(count_a, count_b, budget, pair_cut);
}

int64_t token_budget(const Template& form, bool is_pair, const EncodeOptions& options) {
  if (options.max_length == 0) return -1;
  const int64_t specials = form.specials(is_pair);
  if (options.max_length < specials) {
    fail_usage("maximum length {}: a {} needs at least {}, for the special tokens",
               options.max_length, is_pair ? "pair of texts" : "text", specials);
  }
  return options.max_length - specials;
}

void assemble(const Template& form, const TokenSink& a, const TokenSink& b, bool is_pair,
              int64_t budget, const EncodeOptions& options, Encoding* out) {
  Lengths keep{a.count, is_pair ? b.count : 0};
  if (budget >= 0) {
    keep = cut_lengths(a.count, b.count, is_pair, budget, options.truncation, options.pair_cut);
  }
  out->truncated = keep.a < a.count || (is_pair && keep.b < b.count);
  out->ids.clear();
  out->type_ids.clear();
  out->spans.clear();
  out->sides.clear();
  for (const TemplatePiece& piece : is_pair ? form.pair : form.single) {
    if (piece.what == TemplatePiece::special) {
      out->ids.push_back(piece.id);
      if (options.offsets) {
        out->spans.push_back({0, 0});
        out->sides.push_back(-1);
      }
    } else {
      const bool first = piece.what == TemplatePiece::text_a;
      const TokenSink& from = first ? a : b;
      const int64_t n = first ? keep.a : keep.b;
      // A text keeps its beginning, or its end if the sink kept that.
      const auto skip = from.keep_last ? static_cast<std::ptrdiff_t>(from.ids.size()) - n : 0;
      const auto ids = from.ids.begin() + skip;
      out->ids.insert(out->ids.end(), ids, ids + n);
      if (options.offsets) {
        const auto spans = from.spans.begin() + skip;
        out->spans.insert(out->spans.end(), spans, spans + n);
        out->sides.resize(out->ids.size(), static_cast<int8_t>(first ? 0 : 1));
      }
    }
    out->type_ids.resize(out->ids.size(), piece.type_id);
  }
}

}  // namespace costeff::text
