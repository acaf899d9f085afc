#pragma once

// Errors whose text is put together by fmt. Formats are checked when they are compiled.

#include <costeff/error.h>
#include <fmt/core.h>

#include <string>
#include <utility>

namespace costeff {

template <typename... Args>
[[noreturn]] void fail(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(kind, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
[[noreturn]] void fail_usage(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ErrorKind::usage, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
[[noreturn]] void fail_input(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ErrorKind::input, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
[[noreturn]] void fail_model(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ErrorKind::model, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
[[noreturn]] void fail_output(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ErrorKind::output, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace costeff
