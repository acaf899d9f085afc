#include "cli/run/command_line.h"

#include <algorithm>

namespace costeff::cli {
namespace {

std::vector<std::string>& kept_words() {
  static std::vector<std::string> words;
  return words;
}

// Characters that no shell gives a meaning inside a word.
bool is_plain(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || (c >= '0' && c <= '9') ||
         std::string_view("_-./,:=+@%").find(c) != std::string_view::npos;
}

}  // namespace

void keep_command_line(int argc, char** argv) { kept_words().assign(argv, argv + argc); }

std::string shell_quoted(std::string_view word) {
  if (!word.empty() && std::all_of(word.begin(), word.end(), is_plain)) return std::string(word);
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string command_line_with(const std::string& flag) {
  std::vector<std::string> words = kept_words();
  if (std::find(words.begin(), words.end(), flag) == words.end()) words.push_back(flag);
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += ' ';
    out += shell_quoted(word);
  }
  return out;
}

}  // namespace costeff::cli
