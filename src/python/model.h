#pragma once

// A model as Python has it: an engine that outlives forks, and runs that Ctrl-C ends.

#include <costeff/engine.h>
#include <nanobind/nanobind.h>
#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "python/answers.h"
#include "python/texts.h"

namespace costeff::python {

namespace nb = nanobind;

// What predict() was asked for, in the words of the command line's flags; "", -1 and 0: not given.
struct Request {
  std::string policy, threshold, exit_weights, join;
  int64_t patience = -1, exit_layer = 0, exit_start = 0;
  std::optional<bool> average;
  std::vector<double> label_thresholds;
  int64_t max_length = 0, doc_stride = -1, threads = 0, batch_tokens = 0;
  bool all_exits = false;
};

struct Outcome {
  Answers answers;
  RunStats stats;
  std::string error;  // Run::partial: why the row after the last one was not scored; empty: none
};

// All member functions need the GIL, and release it while they compute.
class Model {
 public:
  Model(std::string path, LoadOptions options);

  const ModelInfo& info() const { return engine_->info(); }

  // Scores texts, or pairs if `pairs` is given. interruptible: this is Python's main thread, whose signal
  // handlers run meanwhile; what one raises ends the run. partial: an Error(input) ends up in Outcome::error,
  // after the rows before it.
  Outcome run(const Texts& texts, const Texts* pairs, const Request& request, bool interruptible,
              bool partial);

 private:
  void reopen_after_fork();

  const std::string path_;
  const LoadOptions options_;
  std::shared_ptr<const Engine> engine_;
  int64_t runs_ = 0;  // under way
  pid_t process_;     // to which runs_ belong
};

}  // namespace costeff::python
