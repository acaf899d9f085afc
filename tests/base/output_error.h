#pragma once

#include <costeff/error.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace costeff {

// The message of the Error(output) that f throws.
inline std::string output_error(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::output);
    return e.what();
  }
  return "(no error)";
}

}  // namespace costeff
