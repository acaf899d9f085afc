#pragma once

// Question answering over a stream. Each window is a row of run_stream, which distributes windows over
// threads and batches and keeps their order. Here windows are made, and their answers joined.

#include <costeff/engine.h>

#include <atomic>

#include "runtime/stream.h"

namespace costeff::runtime {

// Checks the options against the model and fills in defaults. Throws Error(usage).
QaOptions resolve_qa(const QaOptions& options, const model::Model& model,
                     int64_t default_max_length);

// Answers all questions. options: from resolve_qa. stream: its plan, threads and batch_tokens are
// used. Throws as run_stream does.
QaStats run_qa(const LoadedModel& model, const text::Tokenizer& tokenizer, const QaSource& source,
               const QaSink& sink, const QaOptions& options, const StreamOptions& stream,
               const std::atomic<bool>* stop);

}  // namespace costeff::runtime
