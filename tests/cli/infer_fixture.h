#pragma once

// A small model, a directory for its inputs and outputs, and `costeff infer` with the model.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/expected_rows.h"

namespace costeff::cli {

struct InferFixture : testing::Test {
  TinyModel model;
  TempDir dir;

  std::string file(const std::string& name, const std::string& bytes) {
    write_file(dir.file(name), bytes);
    return dir.file(name);
  }
  Finished infer(const std::vector<std::string>& args, const std::string& input = "") const {
    std::vector<std::string> all{"infer", model.path()};
    all.insert(all.end(), args.begin(), args.end());
    return run(all, input);
  }
};

}  // namespace costeff::cli
