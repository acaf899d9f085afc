#include "tasks/read/keep_columns.h"

#include <costeff/error.h>

#include <algorithm>

#include "base/utf8.h"

namespace costeff::tasks {
namespace {

[[noreturn]] void refuse_kept(const std::string& what) { throw_usage("--keep: " + what); }

}  // namespace

std::vector<KeptColumn> parse_kept_columns(std::string_view text,
                                           bool (*is_taken)(std::string_view)) {
  std::vector<KeptColumn> columns;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    const std::string_view part = text.substr(begin, comma - begin);
    begin = comma + 1;
    const size_t equals = part.find('=');
    const std::string_view field = part.substr(0, equals);
    const std::string_view name =
        equals == std::string_view::npos ? field : part.substr(equals + 1);
    if (field.empty() || name.empty()) {
      refuse_kept("\"" + printable(text, 200) + "\" has an empty name, expected COLUMN or " +
                  "COLUMN=NAME, parted by commas");
    }
    const std::string shown = printable(name, 80);
    const std::string cure = "; give it another name: " + printable(field, 80) + "=NAME";
    if (is_taken(name)) {
      refuse_kept("\"" + shown + "\" is a column of the output already" + cure);
    }
    if (std::any_of(columns.begin(), columns.end(),
                    [&](const KeptColumn& c) { return c.name == name; })) {
      refuse_kept("\"" + shown + "\" is there twice" + cure);
    }
    columns.push_back({std::string(field), std::string(name)});
  }
  return columns;
}

std::vector<std::string> output_names(const std::vector<KeptColumn>& columns) {
  std::vector<std::string> names;
  for (const KeptColumn& c : columns) names.push_back(c.name);
  return names;
}

}  // namespace costeff::tasks
