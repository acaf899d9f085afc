#pragma once

// Texts whose windows are rows of run_stream: read, cut, and joined again in the order in which they were read.

#include <costeff/engine.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "runtime/chunk.h"
#include "runtime/windows.h"

namespace costeff::runtime {

// What every text with windows under way has.
struct PendingWindows {
  WindowedText text;
  std::string error;   // why it cannot be answered; it then has one window, which has this error
  int64_t joined = 0;  // windows whose answers have arrived

  // Cuts the text by `cut`. Keeps an Error(input) if bad texts are skipped; otherwise throws it.
  template <typename Cut>
  void cut_or_skip(bool skip, Cut cut) {
    try {
      cut();
    } catch (const Error& e) {
      if (!skip || e.kind() != ErrorKind::input) throw;
      error = e.what();
      text.windows.count = 1;
    }
  }
};

// The reading thread makes windows, and any thread that delivers joins them: they share only the queue. Pending
// has the members of PendingWindows.
template <typename Pending>
class WindowQueue {
 public:
  // Sets *row to the next window. read(Pending*, may_block) reads and cuts the next text; bytes(const Pending&) is
  // its length.
  template <typename Read, typename Bytes>
  ReadStatus next_window(bool may_block, Read read, Bytes bytes, Example* row) {
    if (may_block) chunk_bytes_ = 0;  // the stream starts a chunk
    if (!current_) {
      // The stream counts tokens, but a long text may have few.
      if (!may_block && chunk_bytes_ > kChunkTextBytes) return ReadStatus::would_block;
      auto next = std::make_unique<Pending>();
      const ReadStatus status = read(next.get(), may_block);
      if (status != ReadStatus::row) return status;
      chunk_bytes_ += bytes(*next);
      current_ = next.get();
      next_ = 0;
      const std::lock_guard lock(mutex_);
      pending_.push_back(std::move(next));
    }
    if (current_->error.empty()) {
      fill_window(current_->text, next_, row);
    } else {
      row->error = current_->error;
    }
    ++next_;
    // The other thread may free a text as soon as its last window has been returned.
    if (next_ == current_->text.windows.count) current_ = nullptr;
    return ReadStatus::row;
  }

  // The text that the next window to be joined belongs to.
  Pending& front() {
    const std::lock_guard lock(mutex_);
    return *pending_.front();
  }
  // When all its windows are joined.
  void pop_front() {
    const std::lock_guard lock(mutex_);
    pending_.pop_front();
  }

 private:
  // Used by the reading thread.
  Pending* current_ = nullptr;  // has windows left
  int64_t next_ = 0;            // its next window
  int64_t chunk_bytes_ = 0;

  std::mutex mutex_;
  std::deque<std::unique_ptr<Pending>> pending_;  // in input order
};

}  // namespace costeff::runtime
