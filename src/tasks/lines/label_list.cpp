#include "tasks/lines/label_list.h"

namespace costeff::tasks {

void append_label_list(std::span<const std::string> names, std::span<const int32_t> labels,
                       std::string* out) {
  for (size_t i = 0; i < labels.size(); ++i) {
    if (i > 0) out->push_back('|');
    for (const char c : names[static_cast<size_t>(labels[i])]) {
      if (c == '|' || c == '\\') out->push_back('\\');
      out->push_back(c);
    }
  }
}

std::vector<std::string> split_label_list(std::string_view cell) {
  std::vector<std::string> out;
  if (cell.empty()) return out;
  out.emplace_back();
  for (size_t i = 0; i < cell.size(); ++i) {
    if (cell[i] == '|') {
      out.emplace_back();
      continue;
    }
    const bool escaped =
        cell[i] == '\\' && i + 1 < cell.size() && (cell[i + 1] == '|' || cell[i + 1] == '\\');
    out.back().push_back(cell[escaped ? ++i : i]);
  }
  return out;
}

}  // namespace costeff::tasks
