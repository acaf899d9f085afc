#pragma once

// Truncation, and the special tokens around one text or two.

#include <costeff/options.h>

#include <cstdint>
#include <string>
#include <vector>

#include "text/tokens/encoding.h"
#include "text/tokens/token_sink.h"

namespace costeff::text {

// One part of a sequence.
struct TemplatePiece {
  enum What : uint8_t { special, text_a, text_b } what = special;
  int32_t id = 0;  // of a special token
  int32_t type_id = 0;
};
// The parts of a sequence, in order.
struct Template {
  std::vector<TemplatePiece> single, pair;

  int64_t specials(bool is_pair) const;  // the number of special tokens
};

// [CLS] a [SEP], types 0; [CLS] a [SEP] b [SEP], types 0 up to the first [SEP], then 1. ALBERT too.
Template bert_template(int32_t cls, int32_t sep);
// <s> a </s>; <s> a </s> </s> b </s>; all types 0. XLM-R too.
Template roberta_template(int32_t cls, int32_t sep);

struct Lengths {
  int64_t a = 0, b = 0;
};

// The number of tokens to keep of each text, so that both together are at most `budget`. Throws
// Error(input) if only_first or only_second would have to remove its whole text: Hugging Face
// refuses that too. With a budget of 0 nothing is kept.
Lengths cut_lengths(int64_t count_a, int64_t count_b, bool is_pair, int64_t budget,
                    Truncation truncation, PairCut pair_cut);

// The number of tokens that options.max_length leaves besides the special ones; -1: no limit.
// Throws Error(usage) if the special tokens alone are more.
int64_t token_budget(const Template& form, bool is_pair, const EncodeOptions& options);

// Fills ids, type_ids, spans, sides and truncated. b is used only if is_pair.
void assemble(const Template& form, const TokenSink& a, const TokenSink& b, bool is_pair,
              int64_t budget, const EncodeOptions& options, Encoding* out);

}  // namespace costeff::text
