#pragma once

// Reads rows and delivers answers in input order, with bounded memory and any number of threads.

#include <costeff/engine.h>

#include <atomic>
#include <chrono>

#include "runtime/loaded_model.h"
#include "runtime/plan.h"
#include "text/tokenizer.h"

namespace costeff::runtime {

// Enough tokens that a layer's weights are used many times whenever they are read, but few enough that
// the activations stay in the second-level cache.
inline constexpr int64_t kBatchTokens = 256;

struct StreamOptions {
  ForwardPlan plan;
  EncodeOptions encode;
  int64_t max_ids = 0;  // for rows that have their own
  int64_t threads = 1;
  int64_t batch_tokens = kBatchTokens;
  int64_t pad_to = 0;
  bool skip_bad_rows = false;
  Mode mode = Mode::throughput;
  std::chrono::steady_clock::duration max_delay{};  // 0: no limit
};

// Rows are cut into chunks, one thread tokenises and computes a chunk, and chunks reach the sink in
// input order. The number of chunks under way is bounded (README.md). Throws the first error in input
// order: of the source, of a row, of a layer or of the sink.
RunStats run_stream(const LoadedModel& model, const text::Tokenizer& tokenizer,
                    const Source& source, const Sink& sink, const StreamOptions& options,
                    const std::atomic<bool>* stop);

}  // namespace costeff::runtime
