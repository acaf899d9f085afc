#include "runtime/stream.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>

#include "base/threads/start_threads.h"
#include "base/threads/team.h"
#include "runtime/chunk.h"
#include "runtime/stream_worker.h"

namespace costeff::runtime {
namespace {

// Batches under way for each thread: rows that the last layers keep waiting must not hold up the
// first ones. Memory holds their texts and answers.
constexpr size_t kBatchesPerThread = 24;
// A thread's products reach their full rate with far fewer tokens; more only leave its caches.
constexpr int64_t kMaxTokensPerThread = 512;

// Chunks in input order: filled by the reader, taken by any worker, delivered after all chunks
// before them.
struct Ring {
  std::vector<Chunk> slots;
  std::mutex mutex;
  std::condition_variable has_rows, has_room;     // for the workers, for the reader
  uint64_t filled = 0, taken = 0, delivered = 0;  // so far: delivered <= taken <= filled
  std::vector<uint8_t> done;                      // by slot: it may be delivered
  bool ended = false, delivering = false;

  explicit Ring(size_t size) : slots(size), done(size) {}
  uint64_t under_way() const { return filled - delivered; }
  Chunk& slot(uint64_t i) { return slots[i % slots.size()]; }
  uint8_t& done_at(uint64_t i) { return done[i % slots.size()]; }
};

class Stream {
 public:
  Stream(const LoadedModel& model, const text::Tokenizer& tokenizer, const Source& source,
         const Sink& sink, const StreamOptions& options, const std::atomic<bool>* stop)
      : model_(model), source_(source), sink_(sink), options_(options), stop_(stop) {
    if (options.mode == Mode::latency && options.threads > 1)
      team_ = std::make_unique<Team>(options.threads);
    conveyor_.batch_tokens =
        std::min(options.batch_tokens, kMaxTokensPerThread * (team_ ? team_->size() : 1));
    conveyor_.max_delay = options.max_delay;
    const int64_t workers = team_ ? 1 : options.threads;
    for (int64_t i = 0; i < workers; ++i)
      workers_.emplace_back(model, tokenizer, options_, conveyor_, team_.get());
  }

  RunStats run() {
    const auto begin = Clock::now();
    if (workers_.size() == 1) {
      run_alone();
    } else {
      run_threads();
    }
    if (error_) std::rethrow_exception(error_);
    RunStats sum;
    sum.exit_histogram.resize(model_.spec.arch.layers.size());
    for (const StreamWorker& w : workers_) w.add_to(&sum);
    sum.wall_s = std::chrono::duration<double>(Clock::now() - begin).count();
    sum.threads = options_.threads;
    return sum;
  }

 private:
  // Whether nothing more is to be computed. With several threads, the ring's lock must be held.
  bool over() const { return error_ || (stop_ && *stop_); }

  size_t chunks_under_way() const {
    const int64_t a_batch = std::max<int64_t>(1, conveyor_.batch_tokens / kChunkTokens);
    return kBatchesPerThread * static_cast<size_t>(a_batch) * workers_.size();
  }

  bool fill(Chunk* chunk, bool may_block) { return fill_chunk(source_, may_block, stop_, chunk); }

  // Hands a finished chunk to the sink. Returns the error with which it ends, if any. Word vectors
  // are read from the mapped file all the time, so this checks that the file has not changed before
  // anybody gets the answers.
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
    StreamWorker& w = workers_[0];
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
            w.admit(&chunk);
            progress = chunk.count > 0;
          }
        }
        // There are no more rows now, so those under way go on.
        if (!progress) w.run_some();
      } catch (...) {
        w.fail(std::current_exception());
      }
      w.count_finished();
      w.forget_finished();
      while (!error_ && delivered < filled && slots[delivered % slots.size()].finished())
        error_ = deliver(&slots[delivered++ % slots.size()]);
    }
  }

  // Delivers the next chunks in order while they are done. The lock is not held during a delivery,
  // but only one thread delivers at a time.
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
      // Not after every chunk: a reader that wakes up takes a CPU from a thread that computes.
      if (error_ || r->under_way() <= r->slots.size() / 2) r->has_room.notify_one();
    }
  }

  void work(Ring* r, StreamWorker* w) {
    std::unique_lock lock(r->mutex);
    bool failed = false;
    while (!failed) {
      if (w->idle()) r->has_rows.wait(lock, [&] { return r->taken < r->filled || r->ended; });
      Chunk* chunk = r->taken < r->filled ? &r->slot(r->taken++) : nullptr;
      if ((!chunk && w->chunks().empty()) || over()) break;
      lock.unlock();
      try {
        if (chunk) {
          w->admit(chunk);
        } else {
          // There are no more rows now, so those under way go on.
          w->run_some();
        }
      } catch (...) {
        // Nobody needs what is left on the conveyor, nor rows after these.
        w->fail(std::current_exception());
        failed = true;
      }
      w->count_finished();
      lock.lock();
      // From here on finished chunks no longer belong to this thread.
      for (const Chunk* c : w->chunks()) {
        if (c->finished()) r->done[static_cast<size_t>(c - r->slots.data())] = 1;
      }
      w->forget_finished();
      deliver_done(r, &lock);
    }
    r->has_room.notify_one();
  }

  // This thread reads; the others compute, and deliver in turns.
  void run_threads() {
    Ring r(chunks_under_way());
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
        // The input must be waited for. The rows under way go first: an error among them must not
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

  const LoadedModel& model_;
  const Source& source_;
  const Sink& sink_;
  const StreamOptions& options_;
  const std::atomic<bool>* stop_;
  std::unique_ptr<Team> team_;  // latency mode
  ConveyorOptions conveyor_;
  std::deque<StreamWorker> workers_;
  std::exception_ptr error_;  // the first one, in input order
};

}  // namespace

RunStats run_stream(const LoadedModel& model, const text::Tokenizer& tokenizer,
                    const Source& source, const Sink& sink, const StreamOptions& options,
                    const std::atomic<bool>* stop) {
  return Stream(model, tokenizer, source, sink, options, stop).run();
}

}  // namespace costeff::runtime
