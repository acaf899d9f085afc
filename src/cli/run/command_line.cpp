#include "cli/run/command_line.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>

#include "base/parse.h"

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

std::string joined_words(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += ' ';
    out += shell_quoted(word);
  }
  return out;
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

std::string command_line() { return joined_words(kept_words()); }

std::string shared_arguments(const CLI::App& verb, const CLI::App& other) {
  std::string out;
  std::vector<const CLI::Option*> seen;
  constexpr std::array<std::string_view, 5> kGroups{"Data", "Long texts", "Input", "Tokens",
                                                    "Computing"};
  for (const CLI::Option* option : verb.parse_order()) {
    const bool known = std::find(seen.begin(), seen.end(), option) != seen.end();
    const bool shared =
        std::find(kGroups.begin(), kGroups.end(), option->get_group()) != kGroups.end() &&
        other.get_option_no_throw(option->get_name());
    if (known || !shared) continue;
    seen.push_back(option);
    if (option->get_expected_max() == 0) {
      out += " " + option->get_name();
      continue;
    }
    for (const std::string& value : option->results())
      out += " " + option->get_name() + " " + shell_quoted(value);
  }
  return out;
}

std::string command_line_with(const std::string& flag) {
  std::vector<std::string> words = kept_words();
  if (std::find(words.begin(), words.end(), flag) == words.end()) words.push_back(flag);
  return joined_words(words);
}

std::string utc_date() {
  std::time_t now = std::time(nullptr);
  if (const char* fixed = std::getenv("SOURCE_DATE_EPOCH")) {
    if (const auto seconds = parse_int(fixed, 0, int64_t{1} << 40)) now = *seconds;
  }
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

}  // namespace costeff::cli
