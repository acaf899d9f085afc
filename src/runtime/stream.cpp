#include "runtime/stream.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "runtime/encode_row.h"

namespace costeff::runtime {
namespace {

using Clock = std::chrono::steady_clock;

// Rows that travel through the stream together, with room for their answers. Reused.
struct Chunk {
  std::vector<Example> rows;  // the first `count` are in use
  std::vector<Result> results;
  int64_t count = 0, text_bytes = 0;
  std::exception_ptr error;  // of the row behind the last one in use
};

constexpr int64_t kChunkRows = 256;
constexpr int64_t kBytesPerToken = 5;  // English text, roughly: sizes chunks, decides no answer

// What one thread needs, and what it counts.
struct Worker {
  ForwardScratch forward;
  StageTimes times;
  text::Encoding encoding;
  Batch batch;
  RunStats stats;
};

void reset_result(Result* r) {
  r->exit_layer = r->label = r->tokens = 0;
  r->prob = r->entropy = 0;
  r->exits.clear();
  r->bad_utf8 = r->truncated = false;
}

class Stream {
 public:
  Stream(const LoadedModel& model, const text::Tokenizer& tokenizer, const Source& source,
         const Sink& sink, const StreamOptions& options, const std::atomic<bool>* stop)
      : model_(model),
        tokenizer_(tokenizer),
        source_(source),
        sink_(sink),
        options_(options),
        stop_(stop) {
    workers_.resize(static_cast<size_t>(options.threads));
  }

  RunStats run() {
    const auto begin = Clock::now();
    if (options_.threads == 1) {
      run_alone();
    } else {
      run_threads();
    }
    if (error_) std::rethrow_exception(error_);
    return total(std::chrono::duration<double>(Clock::now() - begin).count());
  }

 private:
  // Fills a chunk. Returns false when there is nothing more to read; an error of the source is kept
  // in chunk->error, behind the rows that were read before it. may_block: waits for the first row;
  // else the chunk stays empty where there is none yet.
  bool fill(Chunk* chunk, bool may_block) {
    chunk->count = chunk->text_bytes = 0;
    chunk->error = nullptr;
    const int64_t enough = 2 * kBytesPerToken * options_.batch_tokens;
    try {
      while (chunk->count < kChunkRows && chunk->text_bytes < enough) {
        if (stop_ && *stop_) return false;
        if (chunk->rows.size() == static_cast<size_t>(chunk->count)) chunk->rows.emplace_back();
        Example& row = chunk->rows[static_cast<size_t>(chunk->count)];
        const ReadStatus status = source_(row, may_block && chunk->count == 0);
        if (status == ReadStatus::end) return false;
        if (status == ReadStatus::would_block) return true;
        ++chunk->count;
        chunk->text_bytes +=
            static_cast<int64_t>(row.text_a.size() + row.input_ids.size() * kBytesPerToken +
                                 (row.text_b ? row.text_b->size() : 0));
      }
    } catch (...) {
      chunk->error = std::current_exception();
      return false;
    }
    return true;
  }

  void append(const text::Encoding& e, int64_t row, Batch* batch) {
    batch->ids.insert(batch->ids.end(), e.ids.begin(), e.ids.end());
    batch->types.insert(batch->types.end(), e.type_ids.begin(), e.type_ids.end());
    // COST-EFF's own code averages over [PAD] positions too; they attend like others, nobody
    // attends to them. [PAD] is id 0 in every BERT vocabulary that has such models.
    const int64_t padding = options_.pad_to - static_cast<int64_t>(e.ids.size());
    if (padding > 0) {
      batch->ids.resize(batch->ids.size() + static_cast<size_t>(padding), 0);
      batch->types.resize(batch->ids.size(), 0);
    }
    batch->start.push_back(static_cast<int32_t>(batch->ids.size()));
    batch->real.push_back(static_cast<int32_t>(e.ids.size()));
    batch->row.push_back(static_cast<int32_t>(row));
  }

  // Tokenises and computes a chunk. An error is kept behind the rows that could be answered.
  void compute(Chunk* chunk, Worker* w) {
    chunk->results.resize(std::max(chunk->results.size(), static_cast<size_t>(chunk->count)));
    try {
      w->batch.clear();
      int64_t row = 0;
      for (; row < chunk->count; ++row) {
        Result& result = chunk->results[static_cast<size_t>(row)];
        reset_result(&result);
        const auto before = Clock::now();
        try {
          encode_row(model_.spec, tokenizer_, chunk->rows[static_cast<size_t>(row)],
                     options_.encode, &w->encoding);
        } catch (...) {
          chunk->error = std::current_exception();
          break;
        }
        w->stats.tokenize_s += std::chrono::duration<double>(Clock::now() - before).count();
        const auto tokens = static_cast<int64_t>(w->encoding.ids.size());
        result.tokens = tokens;
        result.bad_utf8 = w->encoding.bad_utf8;
        result.truncated = w->encoding.truncated;
        const int64_t size = std::max(tokens, options_.pad_to);
        if (w->batch.sequences() > 0 && w->batch.tokens() + size > options_.batch_tokens)
          compute_batch(chunk, w);
        append(w->encoding, row, &w->batch);
      }
      compute_batch(chunk, w);
      chunk->count = row;
    } catch (...) {
      chunk->error = std::current_exception();
      chunk->count = 0;
    }
    for (int64_t i = 0; i < chunk->count; ++i)
      count_result(chunk->results[static_cast<size_t>(i)], &w->stats);
  }

  void compute_batch(Chunk* chunk, Worker* w) {
    forward(model_, options_.plan, &w->batch, chunk->results, &w->forward, &w->times);
    w->batch.clear();
  }

  void count_result(const Result& r, RunStats* s) const {
    s->exit_histogram.resize(model_.spec.layers.size());
    ++s->rows;
    s->tokens += r.tokens;
    s->bad_utf8_rows += r.bad_utf8;
    s->truncated_rows += r.truncated;
    ++s->exit_histogram[static_cast<size_t>(r.exit_layer - 1)];
  }

  // Hands a finished chunk to the sink. Returns the error it ends with, if any.
  std::exception_ptr deliver(Chunk* chunk) const {
    try {
      const auto n = static_cast<size_t>(chunk->count);
      if (n > 0) sink_(std::span(chunk->rows).first(n), std::span(chunk->results).first(n));
    } catch (...) {
      return std::current_exception();
    }
    return chunk->error;
  }

  void run_alone() {
    Chunk chunk;
    for (bool more = true; more && !error_;) {
      more = fill(&chunk, true);
      compute(&chunk, &workers_[0]);
      error_ = deliver(&chunk);
    }
  }

  // A place in the order of chunks: filled by the reader, computed by any worker, delivered when
  // all before it are.
  struct Slot {
    Chunk chunk;
    bool done = false;
  };

  void run_threads() {
    std::vector<Slot> slots(2 * workers_.size());
    std::mutex mutex;
    std::condition_variable changed;
    uint64_t filled = 0, taken = 0, delivered = 0;  // chunks so far, delivered <= taken <= filled
    bool ended = false, delivering = false;

    const auto work = [&](Worker* worker) {
      std::unique_lock lock(mutex);
      while (true) {
        changed.wait(lock, [&] { return taken < filled || ended; });
        if (taken == filled) return;
        Slot& slot = slots[taken++ % slots.size()];
        lock.unlock();
        compute(&slot.chunk, worker);
        lock.lock();
        slot.done = true;
        // One thread delivers at a time, what is next in order, without holding the lock meanwhile.
        while (!delivering && delivered < taken && slots[delivered % slots.size()].done) {
          delivering = true;
          const bool failed = error_ != nullptr;  // nothing is handed over behind an error
          Slot& next = slots[delivered % slots.size()];
          lock.unlock();
          const std::exception_ptr error = failed ? nullptr : deliver(&next.chunk);
          lock.lock();
          if (error) error_ = error;
          next.done = false;
          ++delivered;
          delivering = false;
          changed.notify_all();
        }
      }
    };
    std::vector<std::jthread> threads;
    for (Worker& w : workers_) threads.emplace_back(work, &w);

    std::unique_lock lock(mutex);
    for (bool more = true; more;) {
      changed.wait(lock, [&] { return filled - delivered < slots.size(); });
      if (error_) break;
      Slot& slot = slots[filled % slots.size()];
      lock.unlock();
      more = fill(&slot.chunk, false);
      lock.lock();
      if (more && slot.chunk.count == 0) {
        // Input has to be waited for. The rows under way go first: an error among them must not
        // wait for input that may never come.
        changed.wait(lock, [&] { return delivered == filled; });
        if (error_) break;
        lock.unlock();
        more = fill(&slot.chunk, true);
        lock.lock();
      }
      ++filled;
      changed.notify_all();
    }
    ended = true;
    lock.unlock();
    changed.notify_all();
    threads.clear();
  }

  RunStats total(double wall_s) const {
    RunStats sum;
    sum.exit_histogram.resize(model_.spec.layers.size());
    for (const Worker& w : workers_) {
      sum.rows += w.stats.rows;
      sum.tokens += w.stats.tokens;
      sum.bad_utf8_rows += w.stats.bad_utf8_rows;
      sum.truncated_rows += w.stats.truncated_rows;
      for (size_t i = 0; i < w.stats.exit_histogram.size(); ++i) {
        sum.exit_histogram[i] += w.stats.exit_histogram[i];
      }
      sum.layer_tokens += w.times.layer_tokens;
      sum.tokenize_s += w.stats.tokenize_s;
      sum.embed_s += w.times.embed_s;
      sum.encoder_s += w.times.encoder_s;
      sum.exits_s += w.times.exits_s;
    }
    sum.wall_s = wall_s;
    sum.threads = options_.threads;
    return sum;
  }

  const LoadedModel& model_;
  const text::Tokenizer& tokenizer_;
  const Source& source_;
  const Sink& sink_;
  const StreamOptions& options_;
  const std::atomic<bool>* stop_;
  std::vector<Worker> workers_;
  std::exception_ptr error_;  // the first one, in input order
};

}  // namespace

RunStats run_stream(const LoadedModel& model, const text::Tokenizer& tokenizer,
                    const Source& source, const Sink& sink, const StreamOptions& options,
                    const std::atomic<bool>* stop) {
  return Stream(model, tokenizer, source, sink, options, stop).run();
}

}  // namespace costeff::runtime
