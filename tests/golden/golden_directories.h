#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "golden/golden_data.h"
#include "shared_data.h"

namespace costeff {

// Names of the golden checkpoints, in order.
inline std::vector<std::string> directories() {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(shared_path("golden"), none)) {
    if (std::filesystem::exists(entry.path() / "golden_meta.json"))
      names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Those whose rows or meta file have `key`; "!key": those that do not have it.
inline std::vector<std::string> directories_with(const std::string& key) {
  const bool wanted = key[0] != '!';
  const std::string name = wanted ? key : key.substr(1);
  std::vector<std::string> names;
  for (const std::string& dir : directories()) {
    const std::string path = shared_path("golden/" + dir);
    std::ifstream rows(path + "/golden.jsonl");
    std::string first;
    std::getline(rows, first);
    const bool has = nlohmann::json::parse(first).contains(name) ||
                     read_json_file(path + "/golden_meta.json").contains(name);
    if (has == wanted) names.push_back(dir);
  }
  return names;
}

}  // namespace costeff
