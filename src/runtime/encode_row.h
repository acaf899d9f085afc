#pragma once

#include <costeff/result.h>

#include <string>
#include <string_view>

#include "model/spec.h"
#include "text/tokenizer.h"

namespace costeff::runtime {

// "dev.tsv:42: ", or as much of it as is known.
std::string row_place(const Example& row);

// Tokenises the texts of a row. Throws an Error(input) that names the row.
void encode_texts(const text::Tokenizer& tokenizer, const Example& row,
                  const EncodeOptions& options, text::Encoding* out);

// Sets *out to the token ids of one row: from the tokenizer, or the row's own, which are checked
// against the model's tables and are at most max_ids. Throws an Error(input) that names the row, or
// one with the row's own error.
void encode_row(const model::Model& model, const text::Tokenizer& tokenizer, const Example& row,
                const EncodeOptions& options, int64_t max_ids, text::Encoding* out);

// Whether the row has texts, but they are blank or have no characters that make a token.
bool has_no_text(const text::Tokenizer& tokenizer, const Example& row,
                 const text::Encoding& encoding);
// Whether there is nothing but ASCII white space.
bool is_blank(std::string_view text);

}  // namespace costeff::runtime
