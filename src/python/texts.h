#pragma once

// Texts that Python holds, as views of their UTF-8: of str objects, and of Arrow's string arrays.

#include <nanobind/nanobind.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "python/arrow.h"

namespace costeff::python {

namespace nb = nanobind;

// The views are valid as long as this lives.
struct Texts {
  Texts() = default;
  Texts(Texts&&) = default;
  Texts(const Texts&) = delete;

  std::vector<std::string_view> rows;
  int64_t first = 0;  // the number of the first row in messages
  size_t bytes = 0;   // of all rows
  std::string
      error;  // about the row after the last one; empty: none (only if `partial` was asked for)

  nb::object owner;  // what keeps the strings alive
  std::vector<ArrowOwner<ArrowArray>> arrays;
};

// `items`: a tuple, or a list, which may be changed by others afterwards. `name` and `first` name rows in
// messages: "texts[7]". Throws Error(input) for a row that is no str or cannot be written as UTF-8; partial:
// ends before it, with Texts::error.
Texts texts_of_items(const nb::object& items, const std::string& name, int64_t first, bool partial);

// `source`: has __arrow_c_stream__ or __arrow_c_array__, and holds strings: utf8, large_utf8, utf8_view, or a
// dictionary of them. Nothing is copied. Throws Error(input) for a null and Error(usage) for another type.
Texts texts_of_arrow(const nb::object& source, const std::string& name);

}  // namespace costeff::python
