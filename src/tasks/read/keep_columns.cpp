#include "tasks/read/keep_columns.h"

#include <algorithm>

#include "base/fail.h"
#include "base/parse.h"
#include "base/utf8.h"

namespace costeff::tasks {
namespace {

[[noreturn]] void refuse_kept(std::string_view name, std::string_view why, std::string_view field) {
  fail_usage("--keep: \"{}\" {}; give it another name: {}=NAME", printable(name, 80), why,
             printable(field, 80));
}

}  // namespace

std::vector<KeptColumn> parse_kept_columns(std::string_view text,
                                           bool (*is_taken)(std::string_view)) {
  std::vector<KeptColumn> columns;
  for (const std::string_view part : split_at(text, ',')) {
    const size_t equals = part.find('=');
    const std::string_view field = part.substr(0, equals);
    const std::string_view name =
        equals == std::string_view::npos ? field : part.substr(equals + 1);
    if (field.empty() || name.empty()) {
      fail_usage(
          "--keep: \"{}\" has an empty name, expected COLUMN or COLUMN=NAME, separated by commas",
          printable(text, 200));
    }
    if (is_taken(name)) refuse_kept(name, "is a column of the output already", field);
    if (std::any_of(columns.begin(), columns.end(),
                    [&](const KeptColumn& c) { return c.name == name; })) {
      refuse_kept(name, "is there twice", field);
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
