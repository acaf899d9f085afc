#pragma once

#include <cstdint>

#include "base/aligned.h"

namespace costeff::grad {

// Makes room in buffers, or only counts what they would take: so that a plan can name the memory of a
// step before anything is allocated.
class Reserve {
 public:
  enum class Mode { allocate, count };
  explicit Reserve(Mode mode) : mode_(mode) {}

  template <typename T>
  void operator()(AlignedBuffer<T>* buffer, int64_t count) {
    const int64_t wanted = count * static_cast<int64_t>(sizeof(T));
    constexpr auto kPage = static_cast<int64_t>(kHugePage);
    bytes_ += wanted < 2 * kPage ? wanted : (wanted + kPage - 1) / kPage * kPage;
    if (allocates()) buffer->reserve(count);
  }
  bool allocates() const { return mode_ == Mode::allocate; }
  int64_t bytes() const { return bytes_; }

 private:
  Mode mode_;
  int64_t bytes_ = 0;
};

}  // namespace costeff::grad
