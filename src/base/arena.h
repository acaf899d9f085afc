#pragma once

// Memory for many arrays that are freed together.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/aligned.h"

namespace costeff {

// Cuts arrays out of chunks that are large enough for huge pages, as most arrays alone are not:
// packed weights are read from end to end for every batch, and small pages would cost a page walk
// every 4 KiB. Memory that is not allocated yet is not touched.
class Arena {
 public:
  // `bytes` bytes, 64-byte aligned, not initialised. Thread-safe. Throws std::bad_alloc.
  std::byte* allocate(int64_t bytes) {
    const std::lock_guard lock(mutex_);
    bytes = (bytes + 63) / 64 * 64;
    if (chunks_.empty() || used_ + bytes > chunks_.back().capacity()) {
      const auto grown = static_cast<int64_t>(std::min<size_t>(chunks_.size(), 3));
      chunks_.emplace_back(std::max(bytes, kFirstChunk << grown));
      used_ = 0;
    }
    std::byte* p = chunks_.back().data() + used_;
    used_ += bytes;
    return p;
  }

 private:
  static constexpr int64_t kFirstChunk = int64_t{4} << 20;
  std::mutex mutex_;
  std::vector<ByteBuffer> chunks_;
  int64_t used_ = 0;  // of the last chunk
};

}  // namespace costeff
