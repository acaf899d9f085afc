#include "cli/flags/help_text.h"

namespace costeff::cli {

std::string wrapped(const std::string& text, size_t width, size_t indent) {
  std::string out;
  size_t column = 0;
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '\n') {
      out += '\n' + std::string(indent, ' ');
      column = 0;
      ++at;
      continue;
    }
    size_t end = text.find_first_of(" \n", at);
    if (end == std::string::npos) end = text.size();
    const std::string word = text.substr(at, end - at);
    if (column > 0 && column + 1 + word.size() > width) {
      out += '\n' + std::string(indent, ' ');
      column = 0;
    }
    if (column > 0) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    at = end < text.size() && text[end] == ' ' ? end + 1 : end;
  }
  return out;
}

std::string help_entry(std::string name, const std::string& text) {
  const size_t column = kHelpColumn;
  name.insert(0, "  ");
  if (text.empty()) return name + "\n";
  if (name.size() + 2 > column) {
    name += "\n" + std::string(column, ' ');
  } else {
    name += std::string(column - name.size(), ' ');
  }
  return name + wrapped(text, kHelpWidth - column, column) + "\n";
}

}  // namespace costeff::cli
