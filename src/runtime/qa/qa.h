#pragma once

#include <atomic>

// Question answering over a stream. Each window is a row of run_stream, which spreads windows over
// threads and batches and keeps their order; here windows are made and joined to answers.

#include <costeff/engine.h>

#include "runtime/stream.h"

namespace costeff::runtime {

// Checks the options against the model and sets what they leave open. Throws Error(usage).
QaOptions resolve_qa(const QaOptions& options, const model::Model& model,
                     int64_t default_max_length);

// options: resolved. stream: its plan, threads and batch_tokens are used.
QaStats run_qa(const LoadedModel& model, const text::Tokenizer& tokenizer, const QaSource& source,
               const QaSink& sink, const QaOptions& options, const StreamOptions& stream,
               const std::atomic<bool>* stop);

}  // namespace costeff::runtime
