#include "tasks/read/other_delimiter.h"

#include <algorithm>
#include <vector>

#include "base/fail.h"
#include "base/utf8.h"
#include "tasks/lines/delimited.h"
#include "tasks/read/columns.h"

namespace costeff::tasks {
namespace {

constexpr std::string_view kDelimiters = "\t;|,";
constexpr size_t kLinesCompared = 8;

// The fields of a line if `delimiter` separates them, without the quotes around them.
std::vector<std::string_view> fields_of(std::string_view line, char delimiter, bool csv) {
  std::vector<std::string_view> fields;
  bool quoted = false;
  for (size_t begin = 0, at = 0; at <= line.size(); ++at) {
    if (at < line.size()) {
      if (csv && line[at] == '"') quoted = !quoted;
      if (quoted || line[at] != delimiter) continue;
    }
    std::string_view field = line.substr(begin, at - begin);
    while (!field.empty() && (field.front() == ' ' || field.front() == '"')) field.remove_prefix(1);
    while (!field.empty() && (field.back() == ' ' || field.back() == '"')) field.remove_suffix(1);
    fields.push_back(field);
    if (fields.size() > static_cast<size_t>(kMaxColumns)) break;
    begin = at + 1;
  }
  return fields;
}

bool has_column_names(const std::vector<std::string_view>& fields, const InputOptions& options) {
  return std::any_of(fields.begin(), fields.end(),
                     [&](std::string_view cell) { return is_column_name(cell, options); });
}

// Whether a blank follows every delimiter, as it does in prose after a comma.
bool is_prose(std::string_view line, char delimiter) {
  for (size_t at = line.find(delimiter); at != line.npos; at = line.find(delimiter, at + 1)) {
    if (at + 1 == line.size() || line[at + 1] != ' ') return false;
  }
  return true;
}

// Whether the lines after the first have `count` fields too. Several are compared: a sentence may
// have a comma by chance.
bool rest_agrees(size_t count, std::string_view rest, char delimiter, bool csv) {
  size_t compared = 0;
  while (compared < kLinesCompared) {
    const size_t end = rest.find_first_of("\r\n");
    if (end == rest.npos && (compared > 0 || rest.empty())) break;
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.empty()) continue;  // also between \r and \n
    if (fields_of(line, delimiter, csv).size() != count) return false;
    ++compared;
  }
  return compared >= (delimiter == ',' ? 3 : 1);
}

std::string cure(char delimiter) {
  if (delimiter == '\t') return "say --delimiter tab";
  if (delimiter == ',') return "say --input-format csv, or --delimiter ','";
  return fmt::format("say --delimiter '{}'", delimiter);
}

}  // namespace

void check_delimiter(std::string_view first, std::string_view rest, char delimiter, bool csv,
                     const InputOptions& options, const std::string& place) {
  const auto own = fields_of(first, delimiter, csv);
  if (has_column_names(own, options)) return;
  for (const char other : kDelimiters) {
    if (other == delimiter) continue;
    const auto fields = fields_of(first, other, csv);
    if (fields.size() < 2) continue;
    const bool named = has_column_names(fields, options) && may_be_header(fields);
    const bool agrees =
        own.size() == 1 && !is_prose(first, other) && rest_agrees(fields.size(), rest, other, csv);
    if (!named && !agrees) continue;
    fail_input("{}: the columns seem to be separated by {} (\"{}\"), not by {}: {}", place,
               delimiter_text(other), printable(first, 60), delimiter_text(delimiter), cure(other));
  }
}

}  // namespace costeff::tasks
