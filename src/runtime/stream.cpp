#include "runtime/stream.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>

#include "base/start_threads.h"
#include "runtime/conveyor.h"
#include "runtime/encode_row.h"
#include "runtime/team.h"

namespace costeff::runtime {
namespace {

// Rows that travel through the stream together, with room for their answers. Reused.
struct Chunk {
  std::vector<Example> rows;  // the first `count` are in use
  std::vector<Result> results;
  int64_t count = 0, text_bytes = 0;
  std::exception_ptr error;  // of the row after the last one in use
  int64_t unanswered = 0;    // rows that are under way
  bool taken = false;        // all its rows have been taken in
  bool finished() const { return taken && unanswered == 0; }
};

// A chunk is much less than a file, so that all threads get their share of a short one too.
constexpr int64_t kChunkRows = 64;
constexpr int64_t kChunkTokens = 256;
constexpr int64_t kBytesPerToken = 5;  // English text, roughly: sizes chunks, decides no answer
// What is under way, a thread: rows that the last layers keep waiting must not hold up the first
// ones. Their texts and answers are what is in memory.
constexpr size_t kBatchesPerThread = 24;
// A thread's products are at full rate long before so many tokens; more only leave its caches.
constexpr int64_t kMostTokensPerThread = 512;

// What one thread needs, and what it counts.
struct Worker {
  std::unique_ptr<Conveyor> conveyor;
  text::Encoding encoding;
  std::vector<Chunk*> mine;  // taken, not finished, oldest first
  RunStats stats;
};

void reset_result(Result* r) {
  r->exit_layer = r->label = r->tokens = 0;
  r->prob = r->entropy = 0;
  r->exits.clear();
  r->bad_utf8 = r->truncated = r->empty = false;
  r->error.clear();
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
    if (options.mode == Mode::latency && options.threads > 1)
      team_ = std::make_unique<Team>(options.threads);
    workers_.resize(team_ ? 1 : static_cast<size_t>(options.threads));
    conveyor_.batch_tokens =
        std::min(options.batch_tokens, kMostTokensPerThread * (team_ ? team_->size() : 1));
    conveyor_.max_delay = options.max_delay;
    for (Worker& w : workers_) {
      w.conveyor = std::make_unique<Conveyor>(model_, options_.plan, conveyor_, team_.get());
      w.stats.exit_histogram.resize(model_.spec.arch.layers.size());
    }
  }

  RunStats run() {
    const auto begin = Clock::now();
    if (workers_.size() == 1) {
      run_alone();
    } else {
      run_threads();
    }
    if (error_) std::rethrow_exception(error_);
    return total(std::chrono::duration<double>(Clock::now() - begin).count());
  }

 private:
  bool stopped() const { return stop_ && *stop_; }
  // Nothing more is computed. Several threads ask with the ring's lock held.
  bool over() const { return error_ || stopped(); }

  size_t chunks_under_way() const {
    const int64_t a_batch = std::max<int64_t>(1, conveyor_.batch_tokens / kChunkTokens);
    return kBatchesPerThread * static_cast<size_t>(a_batch) * workers_.size();
  }

  // Fills a chunk. Returns false when there is nothing more to read; an error of the source is kept
  // in chunk->error, after the rows that were read before it. may_block: waits for the first row;
  // else the chunk stays empty where there is none yet.
  bool fill(Chunk* chunk, bool may_block) {
    chunk->count = chunk->text_bytes = 0;
    chunk->error = nullptr;
    try {
      while (chunk->count < kChunkRows && chunk->text_bytes < kBytesPerToken * kChunkTokens) {
        if (stopped()) return false;
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

  // In a catch: the chunk ends with this error, after its first `rows` rows.
  static void end_chunk(Chunk* chunk, int64_t rows) {
    chunk->error = std::current_exception();
    chunk->count = rows;
  }

  // Tokenises a chunk and takes its rows in. An error is kept for after the rows that can be answered.
  void take(Chunk* chunk, Worker* w) {
    chunk->results.resize(std::max(chunk->results.size(), static_cast<size_t>(chunk->count)));
    chunk->unanswered = 0;
    chunk->taken = false;
    w->mine.push_back(chunk);
    model_.spec.parameters.storage.check_unchanged();
    for (int64_t row = 0; row < chunk->count; ++row) {
      Result& result = chunk->results[static_cast<size_t>(row)];
      reset_result(&result);
      const auto begin = Clock::now();
      try {
        encode_row(model_.spec, tokenizer_, chunk->rows[static_cast<size_t>(row)], options_.encode,
                   options_.max_ids, &w->encoding);
      } catch (const Error& e) {
        if (options_.skip_bad_rows && e.kind() == ErrorKind::input) {
          result.error = e.what();
          continue;
        }
        end_chunk(chunk, row);
        break;
      } catch (...) {
        end_chunk(chunk, row);
        break;
      }
      const auto now = Clock::now();
      w->stats.tokenize_s += std::chrono::duration<double>(now - begin).count();
      const auto tokens = static_cast<int64_t>(w->encoding.ids.size());
      result.tokens = tokens;
      result.bad_utf8 = w->encoding.bad_utf8;
      result.truncated = w->encoding.truncated;
      result.empty = has_no_text(tokenizer_, chunk->rows[static_cast<size_t>(row)], w->encoding);
      if (!w->conveyor->has_room(std::max(tokens, options_.pad_to))) w->conveyor->start();
      ++chunk->unanswered;
      w->conveyor->admit(w->encoding, options_.pad_to, {&result, &chunk->unanswered, now});
    }
    chunk->taken = true;
  }

  // What went wrong in a layer concerns every row under way: the oldest chunk says it, and nothing
  // after it is handed over.
  static void fail(Worker* w, const std::exception_ptr& error) {
    for (Chunk* chunk : w->mine) {
      chunk->error = error;
      chunk->count = chunk->unanswered = 0;
      chunk->taken = true;
    }
  }

  static void count_finished(Worker* w) {
    for (const Chunk* chunk : w->mine) {
      if (!chunk->finished()) continue;
      for (int64_t i = 0; i < chunk->count; ++i)
        count_result(chunk->results[static_cast<size_t>(i)], &w->stats);
    }
  }

  static void forget_finished(Worker* w) {
    std::erase_if(w->mine, [](const Chunk* c) { return c->finished(); });
  }

  static void count_result(const Result& r, RunStats* s) {
    if (!r.error.empty()) {
      ++s->skipped_rows;
      return;
    }
    ++s->rows;
    s->tokens += r.tokens;
    s->bad_utf8_rows += r.bad_utf8;
    s->truncated_rows += r.truncated;
    s->empty_rows += r.empty;
    ++s->exit_histogram[static_cast<size_t>(r.exit_layer - 1)];
  }

  // Hands a finished chunk to the sink. Returns the error it ends with, if any. Word vectors are
  // read from the mapped file all the time, so the file must still be what it was: asked once a
  // chunk, before its answers are anybody's.
  std::exception_ptr deliver(Chunk* chunk) const {
    try {
      const auto n = static_cast<size_t>(chunk->count);
      if (n > 0) model_.spec.parameters.storage.check_unchanged();
      if (n > 0) sink_(std::span(chunk->rows).first(n), std::span(chunk->results).first(n));
    } catch (...) {
      return std::current_exception();
    }
    return chunk->error;
  }

  // One thread reads, computes and delivers.
  void run_alone() {
    Worker& w = workers_[0];
    std::vector<Chunk> slots(chunks_under_way());
    uint64_t filled = 0, delivered = 0;
    bool more = true;
    while (!over() && (more || delivered < filled)) {
      try {
        bool progress = false;
        if (more && filled - delivered < slots.size()) {
          // Waits for input only if nothing is under way.
          Chunk& chunk = slots[filled % slots.size()];
          more = fill(&chunk, delivered == filled);
          if (chunk.count > 0 || chunk.error || !more) {
            ++filled;
            take(&chunk, &w);
            progress = chunk.count > 0;
          }
        }
        // No more rows to be had now: those under way go on.
        if (!progress) w.conveyor->run_some();
      } catch (...) {
        fail(&w, std::current_exception());
      }
      count_finished(&w);
      forget_finished(&w);
      while (!error_ && delivered < filled && slots[delivered % slots.size()].finished())
        error_ = deliver(&slots[delivered++ % slots.size()]);
    }
  }

  // Chunks in input order: filled by the reader, taken by any worker, delivered when all before
  // them are.
  struct Ring {
    std::vector<Chunk> slots;
    std::mutex mutex;
    std::condition_variable has_rows, has_room;     // for the workers, for the reader
    uint64_t filled = 0, taken = 0, delivered = 0;  // so far: delivered <= taken <= filled
    std::vector<uint8_t> done;                      // a slot: it may be delivered
    bool ended = false, delivering = false;
    uint64_t under_way() const { return filled - delivered; }
    Chunk& slot(uint64_t i) { return slots[i % slots.size()]; }
    uint8_t& done_at(uint64_t i) { return done[i % slots.size()]; }
  };

  // Delivers what is next in order, without holding the lock meanwhile. One thread at a time is in
  // it.
  void deliver_done(Ring* r, std::unique_lock<std::mutex>* lock) {
    while (!r->delivering && r->delivered < r->taken && r->done_at(r->delivered)) {
      r->delivering = true;
      const bool failed = error_ != nullptr;  // nothing is handed over after an error
      Chunk& next = r->slot(r->delivered);
      lock->unlock();
      const std::exception_ptr error = failed ? nullptr : deliver(&next);
      lock->lock();
      if (error) error_ = error;
      r->done_at(r->delivered) = 0;
      ++r->delivered;
      r->delivering = false;
      // Not for every chunk: the reader, once awake, takes a CPU from a thread that computes.
      if (error_ || r->under_way() <= r->slots.size() / 2) r->has_room.notify_one();
    }
  }

  void work(Ring* r, Worker* w) {
    std::unique_lock lock(r->mutex);
    bool failed = false;
    while (!failed) {
      if (w->conveyor->empty() && w->mine.empty())
        r->has_rows.wait(lock, [&] { return r->taken < r->filled || r->ended; });
      Chunk* chunk = r->taken < r->filled ? &r->slot(r->taken++) : nullptr;
      if ((!chunk && w->mine.empty()) || over()) break;
      lock.unlock();
      try {
        if (chunk) {
          take(chunk, w);
        } else {
          // No more rows to be had now: those under way go on.
          w->conveyor->run_some();
        }
      } catch (...) {
        // What is left on the conveyor belongs to nobody any more; rows after these are not
        // needed.
        fail(w, std::current_exception());
        failed = true;
      }
      count_finished(w);
      lock.lock();
      for (Chunk* c : w->mine) {
        // From here on it is no longer this thread's.
        if (c->finished()) r->done[static_cast<size_t>(c - r->slots.data())] = 1;
      }
      forget_finished(w);
      deliver_done(r, &lock);
    }
    r->has_room.notify_one();
  }

  void run_threads() {
    Ring r;
    r.slots.resize(chunks_under_way());
    r.done.resize(r.slots.size());
    const auto end = [&r] {
      {
        const std::lock_guard lock(r.mutex);
        r.ended = true;
      }
      r.has_rows.notify_all();
    };
    const auto threads = start_threads(
        static_cast<int64_t>(workers_.size()),
        [this, &r](int64_t i) { work(&r, &workers_[static_cast<size_t>(i)]); },
        [&](int64_t) { end(); });

    std::unique_lock lock(r.mutex);
    for (bool more = true; more;) {
      if (r.under_way() == r.slots.size())
        r.has_room.wait(lock, [&] { return r.under_way() <= r.slots.size() / 2 || over(); });
      if (over()) break;
      Chunk& slot = r.slot(r.filled);
      lock.unlock();
      more = fill(&slot, false);
      lock.lock();
      if (more && slot.count == 0) {
        // Input has to be waited for. The rows under way go first: an error among them must not
        // wait for input that may never come.
        r.has_room.wait(lock, [&] { return r.under_way() == 0 || over(); });
        if (over()) break;
        lock.unlock();
        more = fill(&slot, true);
        lock.lock();
      }
      ++r.filled;
      r.has_rows.notify_one();
    }
    lock.unlock();
    end();
  }

  RunStats total(double wall_s) const {
    RunStats sum;
    sum.exit_histogram.resize(model_.spec.arch.layers.size());
    for (const Worker& w : workers_) {
      sum.rows += w.stats.rows;
      sum.tokens += w.stats.tokens;
      sum.bad_utf8_rows += w.stats.bad_utf8_rows;
      sum.truncated_rows += w.stats.truncated_rows;
      sum.empty_rows += w.stats.empty_rows;
      sum.skipped_rows += w.stats.skipped_rows;
      for (size_t i = 0; i < w.stats.exit_histogram.size(); ++i)
        sum.exit_histogram[i] += w.stats.exit_histogram[i];
      const StageTimes& times = w.conveyor->times();
      sum.layer_tokens += times.layer_tokens;
      sum.tokenize_s += w.stats.tokenize_s;
      sum.embed_s += times.embed_s;
      sum.attention_s += times.attention_s;
      sum.ffn_s += times.ffn_s;
      sum.exits_s += times.exits_s;
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
  std::unique_ptr<Team> team_;  // latency mode
  ConveyorOptions conveyor_;
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
