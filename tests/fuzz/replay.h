#pragma once

// The fuzz targets that one program replays. CMake writes the table.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

struct ReplayTarget {
  std::string name;  // "torch": fuzz_torch.cpp
  int (*run)(const uint8_t* data, size_t size);
};

const std::vector<ReplayTarget>& replay_targets();
