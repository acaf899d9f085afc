// Names of formats: those of the command line, and extensions of files.

#include <array>
#include <optional>
#include <string>

#include "base/fail.h"
#include "base/names.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "tasks/lines/content.h"
#include "tasks/read/input_options.h"

namespace costeff::tasks {
namespace {

constexpr std::array<Name<InputFormat>, 5> kFormats{{{"auto", InputFormat::automatic},
                                                     {"text", InputFormat::text},
                                                     {"tsv", InputFormat::tsv},
                                                     {"csv", InputFormat::csv},
                                                     {"jsonl", InputFormat::jsonl}}};

// .json is read as JSONL, which often has this extension, or as an array of objects: any other JSON
// document is then an error, and is not scored as text.
constexpr std::array<Name<InputFormat>, 8> kExtensions{{{"tsv", InputFormat::tsv},
                                                        {"tab", InputFormat::tsv},
                                                        {"csv", InputFormat::csv},
                                                        {"jsonl", InputFormat::jsonl},
                                                        {"ndjson", InputFormat::jsonl},
                                                        {"jsonlines", InputFormat::jsonl},
                                                        {"json-lines", InputFormat::jsonl},
                                                        {"json", InputFormat::jsonl}}};

}  // namespace

InputFormat input_format_from_name(std::string_view name) {
  if (const auto* row = find_named(kExtensions, name)) return row->value;
  return value_of_name(kFormats, name, "input format");
}

std::optional<InputFormat> format_of_extension(std::string_view path) {
  path = without_packing(path);
  const std::string_view file = path.substr(path.rfind('/') + 1);  // npos + 1 == 0
  const size_t dot = file.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto* row = find_named(kExtensions, lower_ascii(file.substr(dot + 1)));
  return row ? std::optional(row->value) : std::nullopt;
}

InputFormat format_of_path(std::string_view path, bool is_table) {
  return format_of_extension(path).value_or(is_table ? InputFormat::tsv : InputFormat::text);
}

char delimiter_from_text(std::string_view text) {
  if (text == "tab" || text == "\\t") return '\t';
  const auto c = static_cast<unsigned char>(text.empty() ? '\0' : text.front());
  if (text.size() != 1 || (c < 0x20 && c != '\t') || c >= 0x7F || c == '"') {
    fail_usage(
        "delimiter \"{}\", expected one ASCII character other than a quote, such as ';', or tab",
        printable(text, 40));
  }
  return static_cast<char>(c);
}

}  // namespace costeff::tasks
