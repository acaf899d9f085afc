#pragma once

// The part of the stream that one thread computes: it tokenises chunks, and its conveyor answers
// their rows.

#include <costeff/result.h>

#include <exception>
#include <vector>

#include "base/threads/team.h"
#include "runtime/chunk.h"
#include "runtime/conveyor.h"
#include "runtime/loaded_model.h"
#include "runtime/stream.h"
#include "text/tokenizer.h"

namespace costeff::runtime {

class StreamWorker {
 public:
  // All outlive it. team: null for a thread alone.
  StreamWorker(const LoadedModel& model, const text::Tokenizer& tokenizer,
               const StreamOptions& options, const ConveyorOptions& conveyor, Team* team);

  // Tokenises a chunk and admits its rows to the conveyor, which may run layers. An error in a row
  // ends the chunk there. Throws Error(model) if a file of the model has changed.
  void admit(Chunk* chunk);
  // Runs one layer over rows that are under way, if there are any. Throws as layers do.
  void run_some() { conveyor_.run_some(); }
  // After an exception from these two: what went wrong in a layer concerns every row under way. The
  // oldest chunk reports it, and nothing after it is delivered.
  void fail(const std::exception_ptr& error);

  // Whether it has neither rows under way nor chunks.
  bool idle() const { return chunks_.empty() && conveyor_.empty(); }
  // The chunks that were admitted and not yet forgotten, oldest first.
  const std::vector<Chunk*>& chunks() const { return chunks_; }
  // Counts the rows of the finished chunks. Another thread may reuse those once they are forgotten.
  void count_finished();
  void forget_finished();

  // Adds its counts and times to *sum.
  void add_to(RunStats* sum) const;

 private:
  bool encode(const Example& row, Chunk* chunk, int64_t number, Result* result);

  const LoadedModel& model_;
  const text::Tokenizer& tokenizer_;
  const StreamOptions& options_;
  Conveyor conveyor_;
  text::Encoding encoding_;
  std::vector<Chunk*> chunks_;
  RunStats stats_;
};

}  // namespace costeff::runtime
