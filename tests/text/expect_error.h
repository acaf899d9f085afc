#pragma once

#include <costeff/error.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace costeff::text {

// Runs f and expects an Error of this kind, of one line, with all the parts in its text.
template <typename F>
void expect_error(ErrorKind kind, const std::vector<std::string>& parts, F&& f) {
  try {
    f();
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_EQ(error.kind(), kind) << text;
    EXPECT_EQ(text.find('\n'), text.npos) << text;
    for (const std::string& part : parts)
      EXPECT_NE(text.find(part), text.npos) << text << "\nlacks " << part;
  }
}

}  // namespace costeff::text
