#pragma once

#include <atomic>

// Rows in, answers out in input order, with bounded memory and any number of threads.

#include <costeff/engine.h>

#include "runtime/forward.h"
#include "text/tokenizer.h"

namespace costeff::runtime {

struct StreamOptions {
  ForwardPlan plan;
  EncodeOptions encode;
  int64_t threads = 1;
  int64_t batch_tokens = 0;
  int64_t pad_to = 0;
};

// The rows are cut into chunks; a chunk is tokenised and computed by one thread, batch by batch;
// chunks reach the sink in input order. At most 2 chunks a thread are under way.
RunStats run_stream(const LoadedModel& model, const text::Tokenizer& tokenizer,
                    const Source& source, const Sink& sink, const StreamOptions& options,
                    const std::atomic<bool>* stop);

}  // namespace costeff::runtime
