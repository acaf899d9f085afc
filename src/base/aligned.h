#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

namespace costeff {

inline constexpr size_t kHugePage = size_t{1} << 21;  // bytes

// 64-byte aligned elements of a plain type, not initialised. Grows only; growing loses the
// contents.
template <typename T>
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(int64_t count) { reserve(count); }

  // At least `count` elements. Throws std::bad_alloc.
  T* reserve(int64_t count) {
    if (count > capacity_) {
      const size_t wanted = static_cast<size_t>(count) * sizeof(T);
      // Large buffers get huge pages: packed weights are read from end to end for every batch, and
      // small pages would cost a page walk every 4 KiB.
      const size_t page = wanted >= 2 * kHugePage ? kHugePage : 64;
      const size_t bytes = (wanted + page - 1) / page * page;
      data_.reset();  // first, so that old and new never exist together
      capacity_ = 0;
      T* p = static_cast<T*>(std::aligned_alloc(page, bytes));
      if (!p) throw std::bad_alloc();
      if (page == kHugePage) ::madvise(p, bytes, MADV_HUGEPAGE);
      data_.reset(p);
      capacity_ = count;
    }
    return data_.get();
  }
  // The same, but the first `keep` elements survive.
  T* grow(int64_t keep, int64_t count) {
    if (count <= capacity_) return data_.get();
    const std::unique_ptr<T, Free> old = std::move(data_);
    keep = std::min(keep, capacity_);
    capacity_ = 0;
    // Half as much again, so that growing piece by piece does not copy over and over.
    T* p = reserve(count + count / 2);
    if (keep > 0) std::memcpy(p, old.get(), static_cast<size_t>(keep) * sizeof(T));
    return p;
  }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  int64_t capacity() const { return capacity_; }

 private:
  struct Free {
    void operator()(T* p) const { std::free(p); }
  };
  std::unique_ptr<T, Free> data_;
  int64_t capacity_ = 0;
};

using FloatBuffer = AlignedBuffer<float>;
using ByteBuffer = AlignedBuffer<std::byte>;

}  // namespace costeff
