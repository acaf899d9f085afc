#pragma once

// Truncation, and the special tokens around one text or two.

#include <costeff/options.h>

#include <cstdint>
#include <string>
#include <vector>

#include "text/token_sink.h"
#include "text/tokenizer.h"

namespace costeff::text {

// What a sequence is put together from, in order.
struct TemplatePiece {
  enum What : uint8_t { special, text_a, text_b } what = special;
  int32_t id = 0;  // of a special token
  int32_t type_id = 0;
};
struct Template {
  std::vector<TemplatePiece> single, pair;

  int64_t specials(bool is_pair) const;
};

// [CLS] a [SEP], types 0; [CLS] a [SEP] b [SEP], types 0 up to the first [SEP], then 1. ALBERT too.
Template bert_template(int32_t cls, int32_t sep);
// <s> a </s>; <s> a </s> </s> b </s>; all types 0. XLM-R too.
Template roberta_template(int32_t cls, int32_t sep);

struct Lengths {
  int64_t a = 0, b = 0;
};

// How many tokens of each text stay so that both together are at most `budget`. Throws Error(input)
// when only_first or only_second cannot do it alone without using up its text: Hugging Face refuses
// that too. A budget of 0 empties both.
Lengths cut_lengths(int64_t count_a, int64_t count_b, bool is_pair, int64_t budget,
                    Truncation truncation, PairCut pair_cut);

// The tokens still to be had under options.max_length besides the specials; -1: no limit. Throws
// Error(usage) when the specials alone are more.
int64_t token_budget(const Template& form, bool is_pair, const EncodeOptions& options);

// Fills ids, type_ids, spans, sides and truncated. b is looked at only when is_pair.
void assemble(const Template& form, const TokenSink& a, const TokenSink& b, bool is_pair,
              int64_t budget, const EncodeOptions& options, Encoding* out);

}  // namespace costeff::text
