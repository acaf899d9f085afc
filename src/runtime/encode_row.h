#pragma once

#include <costeff/result.h>

#include <string_view>

#include "model/spec.h"
#include "text/tokenizer.h"

namespace costeff::runtime {

// Token ids of one row into *out: the tokenizer's, or the row's own, checked against the model's
// tables, at most max_ids of them. Throws Error(input) that names the row's source and line, or with
// the row's own error.
void encode_row(const model::Model& model, const text::Tokenizer& tokenizer, const Example& row,
                const EncodeOptions& options, int64_t max_ids, text::Encoding* out);

// The row is of texts, and they have no characters but white space, or none that make a token.
bool has_no_text(const text::Tokenizer& tokenizer, const Example& row,
                 const text::Encoding& encoding);
// Nothing but white space of ASCII.
bool is_blank(std::string_view text);

}  // namespace costeff::runtime
