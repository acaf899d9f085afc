#pragma once

#include <atomic>
#include <chrono>

// Rows in, answers out in input order, with bounded memory and any number of threads.

#include <costeff/engine.h>

#include "runtime/loaded_model.h"
#include "runtime/plan.h"
#include "text/tokenizer.h"

namespace costeff::runtime {

struct StreamOptions {
  ForwardPlan plan;
  EncodeOptions encode;
  int64_t max_ids = 0;  // of a row that brings its own
  int64_t threads = 1;
  int64_t batch_tokens = 0;
  int64_t pad_to = 0;
  bool skip_bad_rows = false;
  Mode mode = Mode::throughput;
  std::chrono::steady_clock::duration max_delay{};  // 0: no limit
};

// The rows are cut into chunks; a chunk is tokenised and computed by one thread; chunks reach the
// sink in input order. A bounded number of chunks a thread is under way (README.md).
RunStats run_stream(const LoadedModel& model, const text::Tokenizer& tokenizer,
                    const Source& source, const Sink& sink, const StreamOptions& options,
                    const std::atomic<bool>* stop);

}  // namespace costeff::runtime
