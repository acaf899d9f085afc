#pragma once

// Golden data that lies outside the project. Tests that need it skip with a message where it is
// absent.

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

inline std::string shared_path(const std::string& name) {
  return std::string(COSTEFF_SHARED) + "/" + name;
}

#define COSTEFF_NEED_SHARED(name)                  \
  if (!std::filesystem::exists(shared_path(name))) \
  GTEST_SKIP() << "no " << shared_path(name) << " (set COSTEFF_SHARED to the golden data)"
