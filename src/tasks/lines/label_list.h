#pragma once

// Several labels in one cell: "joy|anger", none: "". In a name \ and | are written \\ and \|.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace costeff::tasks {

// Appends the names of the labels with these numbers, each of which has a name.
void append_label_list(std::span<const std::string> names, std::span<const int32_t> labels,
                       std::string* out);

std::vector<std::string> split_label_list(std::string_view cell);

}  // namespace costeff::tasks
