#pragma once

#include <costeff/result.h>

#include "model/spec.h"
#include "text/tokenizer.h"

namespace costeff::runtime {

// Token ids of one row -> *out: the tokenizer's, or the row's own, which are checked against the
// model's tables. Throws Error(input) that names the row's source and line.
void encode_row(const model::Model& model, const text::Tokenizer& tokenizer, const Example& row,
                const EncodeOptions& options, text::Encoding* out);

}  // namespace costeff::runtime
