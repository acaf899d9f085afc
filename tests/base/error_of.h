#pragma once

#include <costeff/error.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace costeff {

// The message of the Error that f throws, which must be of that kind; "" if it throws none.
inline std::string error_of(ErrorKind kind, const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), kind) << e.what();
    return e.what();
  }
  return "";
}

}  // namespace costeff
