#pragma once

// Work that is done once, by all threads that need it at that time.

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

namespace costeff {

// The first thread that calls run() plans the pieces. It and all threads that call run() before the
// work is done share the pieces, each with its own Scratch, and return when all pieces are done.
template <typename Scratch>
class OnceTogether {
 public:
  using Piece = std::function<void(Scratch*)>;
  using Pieces = std::vector<Piece>;

  bool done() const { return done_.load(std::memory_order_acquire); }

  // plan() returns the pieces. If plan() or a piece throws, every caller gets the exception: of
  // several pieces that of the first in order. Pieces after it may not have been done.
  template <typename Plan>
  void run(const Plan& plan) {
    if (!done()) take_part(plan);
    if (error_) std::rethrow_exception(error_);
  }

 private:
  template <typename Plan>
  void take_part(const Plan& plan) {
    std::call_once(planned_, [&] {
      try {
        pieces_ = plan();
      } catch (...) {
        error_ = std::current_exception();
      }
      left_ = count_ = pieces_.size();
      if (count_ == 0) finish();
    });
    Scratch scratch;
    for (size_t i = next_++; i < count_; i = next_++) {
      if (i < failed_) do_piece(i, &scratch);
      if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) finish();
    }
    done_.wait(false, std::memory_order_acquire);
  }

  void do_piece(size_t i, Scratch* scratch) {
    try {
      pieces_[i](scratch);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (i >= failed_) return;
      failed_ = i;
      error_ = std::current_exception();
    }
  }

  void finish() {
    pieces_ = {};
    done_.store(true, std::memory_order_release);
    done_.notify_all();
  }

  std::once_flag planned_;
  Pieces pieces_;
  size_t count_ = 0;  // of pieces, even after they are gone
  std::atomic<size_t> next_{0}, left_{0}, failed_{SIZE_MAX};
  std::atomic<bool> done_{false};
  std::mutex mutex_;  // guards error_ until done
  std::exception_ptr error_;
};

}  // namespace costeff
