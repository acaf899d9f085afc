#include "tasks/keep_columns.h"

#include <costeff/error.h>

#include <algorithm>

#include "base/utf8.h"
#include "tasks/format_text.h"
#include "tasks/row_id.h"

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

void append_kept_json(const std::vector<std::string>& names, const std::vector<std::string>& kept,
                      std::string* out) {
  for (size_t i = 0; i < names.size(); ++i) {
    out->push_back(',');
    append_json_string(names[i], out);
    out->push_back(':');
    append_stored_json(i < kept.size() ? std::string_view(kept[i]) : std::string_view(), out);
  }
}

void append_kept_fields(size_t count, const std::vector<std::string>& kept, char separator,
                        void (*append_field)(std::string_view, std::string*), std::string* out) {
  for (size_t i = 0; i < count; ++i) {
    out->push_back(separator);
    if (i < kept.size()) append_field(plain_id(kept[i]), out);
  }
}

std::vector<std::string> output_names(const std::vector<KeptColumn>& columns) {
  std::vector<std::string> names;
  for (const KeptColumn& c : columns) names.push_back(c.name);
  return names;
}

}  // namespace costeff::tasks
