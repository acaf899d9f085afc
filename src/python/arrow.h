#pragma once

// The two structs of the Arrow C data interface and the one of the C stream interface, as
// arrow.apache.org/docs/format/CDataInterface.html lays them out, and owners for them. PyCapsules
// hold them: whoever takes one moves it out and calls release once.

#include <cstdint>
#include <utility>

extern "C" {

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  ArrowSchema** children;
  ArrowSchema* dictionary;
  void (*release)(ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length, null_count, offset, n_buffers, n_children;
  const void** buffers;
  ArrowArray** children;
  ArrowArray* dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};

struct ArrowArrayStream {
  int (*get_schema)(ArrowArrayStream*, ArrowSchema* out);
  int (*get_next)(ArrowArrayStream*, ArrowArray* out);
  const char* (*get_last_error)(ArrowArrayStream*);
  void (*release)(ArrowArrayStream*);
  void* private_data;
};

}  // extern "C"

namespace costeff::python {

// Owns one of them.
template <typename T>
struct ArrowOwner {
  T value{};

  ArrowOwner() = default;
  // Takes what `from` holds.
  explicit ArrowOwner(T* from) : value(*from) { from->release = nullptr; }
  ArrowOwner(const ArrowOwner&) = delete;
  ArrowOwner(ArrowOwner&& other) noexcept : value(other.value) { other.value.release = nullptr; }
  ArrowOwner& operator=(ArrowOwner&& other) noexcept {
    std::swap(value, other.value);
    return *this;
  }
  ~ArrowOwner() {
    if (value.release) value.release(&value);
  }
};

}  // namespace costeff::python
