#pragma once

// A question and its context as token sequences that fit the model: [CLS] q [SEP] window [SEP].

#include <costeff/qa.h>

#include <cstdint>

#include "model/spec.h"
#include "runtime/windows.h"
#include "text/tokenizer.h"

namespace costeff::runtime {

// Encodes a question and its context with spans, and cuts windows. options: from resolve_qa. White space before the
// question is dropped, as in run_qa.py. Throws an Error(input) with the example's own error, and if the
// question leaves no room for the context or, if there is a second window, no more room than doc_stride
// tokens.
void encode_question(const model::Model& model, const text::Tokenizer& tokenizer,
                     const QaExample& example, const QaOptions& options, WindowedText* out);

}  // namespace costeff::runtime
