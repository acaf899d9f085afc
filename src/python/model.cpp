#include "python/model.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/fail.h"
#include "cli/flags/doc_flags.h"
#include "cli/flags/policy_flags.h"

namespace costeff::python {
namespace {

// Less text than this is computed sooner than anybody presses Ctrl-C, and not worth a thread.
constexpr size_t kBytesWorthAThread = 512;
constexpr std::chrono::milliseconds kSignalInterval{50};

std::shared_ptr<const Engine> open_engine(const std::string& path, const LoadOptions& options) {
  const nb::gil_scoped_release released;
  return std::make_shared<const Engine>(path, options);
}

// Runs `compute` on a thread of its own, and Python's signal handlers on this one. When a handler raises,
// *stop becomes true and, once `compute` has returned, the exception goes on.
template <typename Compute>
void run_beside_signals(const Compute& compute, std::atomic<bool>* stop) {
  std::mutex mutex;
  std::condition_variable ended;
  bool done = false;
  std::exception_ptr error;
  std::thread thread;
  const auto work = [&] {
    try {
      compute();
    } catch (...) {
      error = std::current_exception();
    }
    const std::lock_guard lock(mutex);
    done = true;
    ended.notify_one();
  };
  try {
    thread = std::thread(work);
  } catch (const std::system_error&) {
    const nb::gil_scoped_release released;
    return compute();
  }
  bool raised = false;
  for (bool waiting = true; waiting && !raised;) {
    {
      const nb::gil_scoped_release released;
      std::unique_lock lock(mutex);
      waiting = !ended.wait_for(lock, kSignalInterval, [&] { return done; });
    }
    raised = waiting && PyErr_CheckSignals() != 0;
  }
  {
    const nb::gil_scoped_release released;
    if (raised) *stop = true;
    thread.join();
  }
  if (raised) throw nb::python_error();
  if (error) std::rethrow_exception(error);
}

cli::PolicyFlags policy_flags(const Request& r) {
  cli::PolicyFlags f;
  f.policy = r.policy;
  f.threshold = r.threshold;
  f.exit_weights = r.exit_weights;
  f.average = r.average;
  f.patience = r.patience;
  f.exit_layer = r.exit_layer;
  f.exit_start = r.exit_start;
  return f;
}

RunOptions run_options(const Request& r, const ModelInfo& m) {
  if (m.question_answering) {
    fail_usage("{}: {} answers questions and has no labels; costeff infer --task qa answers them",
               m.path, m.dialect);
  }
  RunOptions run;
  run.policy = cli::policy_from_flags(policy_flags(r), m.policy, is_regression(m));
  run.encode.max_length = r.max_length;
  run.all_exits = r.all_exits;
  run.label_thresholds = r.label_thresholds;
  run.threads = r.threads;
  run.batch_tokens = r.batch_tokens;
  const cli::DocFlags doc{.stride = r.doc_stride, .join = r.join};
  cli::check_doc_flags(doc, {});
  cli::add_doc_options(doc, &run);
  return run;
}

// Gives the rows one by one.
struct Rows {
  const Texts& texts;
  const Texts* pairs;
  size_t count, next = 0;

  ReadStatus operator()(Example& row, bool) {
    if (next == count) return ReadStatus::end;
    row.text_a = texts.rows[next];
    if (pairs) {
      if (!row.text_b) row.text_b.emplace();
      row.text_b->assign(pairs->rows[next]);
    }
    row.source = "texts";
    row.line = texts.first + static_cast<int64_t>(++next);
    return ReadStatus::row;
  }
};

// The engine counts rows from 1, "texts:43: ..."; Python's index is 42.
std::string with_index(const std::string& error) {
  constexpr std::string_view kBegin = "texts:";
  if (!error.starts_with(kBegin)) return error;
  const size_t colon = error.find(':', kBegin.size());
  int64_t line = 0;
  for (size_t i = kBegin.size(); i < colon && i < error.size(); ++i)
    line = line * 10 + error[i] - '0';
  return fmt::format("texts[{}]{}", line - 1, error.substr(colon));
}

}  // namespace

Model::Model(std::string path, LoadOptions options)
    : path_(std::move(path)),
      options_(std::move(options)),
      engine_(open_engine(path_, options_)),
      process_(::getpid()) {}

// Between runs an engine has no threads and holds no locks, so a forked process goes on with it and shares
// its memory. If another thread was in a run, that run's locks stay locked for ever: a new engine is needed, and
// the old one, which nobody can end, is left alone.
void Model::reopen_after_fork() {
  if (process_ == ::getpid()) return;
  if (runs_ > 0) {
    auto fresh = std::make_shared<const Engine>(path_, options_);
    static_cast<void>(new std::shared_ptr<const Engine>(std::exchange(engine_, std::move(fresh))));
  }
  runs_ = 0;
  process_ = ::getpid();
}

Outcome Model::run(const Texts& texts, const Texts* pairs, const Request& request,
                   bool interruptible, bool partial) {
  reopen_after_fork();
  const std::shared_ptr<const Engine> engine = engine_;
  const ModelInfo& m = engine->info();
  const RunOptions options = run_options(request, m);
  size_t count = texts.rows.size();
  if (pairs && pairs->rows.size() != count) {
    if (!partial) {
      fail_usage("{} texts and {} pairs, expected as many of both", count, pairs->rows.size());
    }
    count = std::min(count, pairs->rows.size());
  }
  Outcome outcome;
  const auto labels = static_cast<size_t>(m.num_labels);
  std::atomic<bool> stop{false};
  const auto compute = [&] {
    reserve(count, labels, &outcome.answers);
    Rows rows{texts, pairs, count};
    outcome.stats = engine->run(
        std::ref(rows),
        [&](std::span<const Example>, std::span<const Result> results) {
          append(results, labels, is_multi_label(m), &outcome.answers);
        },
        options, &stop);
  };
  ++runs_;
  try {
    if (interruptible && texts.bytes + (pairs ? pairs->bytes : 0) > kBytesWorthAThread) {
      run_beside_signals(compute, &stop);
    } else {
      const nb::gil_scoped_release released;
      compute();
    }
  } catch (const Error& e) {
    --runs_;
    if (e.kind() != ErrorKind::input) throw;
    outcome.error = with_index(e.what());
    if (!partial) throw_input(outcome.error);
    return outcome;
  } catch (...) {
    --runs_;
    throw;
  }
  --runs_;
  if (count == texts.rows.size()) outcome.error = texts.error;
  if (pairs && outcome.error.empty()) outcome.error = pairs->error;
  return outcome;
}

}  // namespace costeff::python
