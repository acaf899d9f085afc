// Readers and writers over any bytes. The first byte chooses the options, the second the size of
// the pieces that the input comes in; the rest is the file.

#include <costeff/error.h>
#include <fmt/core.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json/json.h"
#include "base/utf8.h"
#include "fuzz/check.h"
#include "tasks/read/reader.h"
#include "tasks/write/writer.h"

namespace {

using namespace costeff;
using namespace costeff::tasks;
using fuzz::require;

InputOptions options_from(uint8_t byte) {
  constexpr InputFormat kFormats[] = {InputFormat::text, InputFormat::tsv, InputFormat::csv,
                                      InputFormat::jsonl};
  InputOptions options;
  options.format = kFormats[byte & 3];
  const bool is_text = options.format == InputFormat::text;
  switch (byte >> 2 & 7) {
    case 1:
      options.header = Header::no;
      if (!is_text) options.text_field = "2";
      break;
    case 2:
      options.task = &find_task("mrpc");
      break;
    case 3:
      options.task = &find_task("cola");
      break;
    case 4:
      if (is_text) {
        options.separator = "\t";
      } else {
        options.text_field = "text";
        options.pair_field = "b";
      }
      break;
    case 5:
      if (!is_text) options.text_field = "input_ids";
      break;
    case 6:
      if (!is_text) options.id_field = "b";
      break;
    case 7:
      options.header = Header::yes;
      break;
    default:
      break;
  }
  options.skip_bad_rows = options.keep_raw = (byte & 32) != 0;
  if ((byte & 64) != 0 && !is_text) options.keep = {{"b", "kept"}, {"a.b", "nested"}};
  return options;
}

void write_row(const Example& row, std::string* out) {
  Result result;
  result.exit_layer = 1;
  result.logits = {0.25f, -1.0f};
  result.probs = {0.75f, 0.25f};
  OutputOptions options;
  options.labels = {"no", "yes"};
  options.top_k = 2;
  for (size_t i = 0; i < row.kept.size(); ++i) options.kept.push_back(fmt::format("k{}", i));
  for (OutputFormat format :
       {OutputFormat::tsv, OutputFormat::csv, OutputFormat::jsonl, OutputFormat::table}) {
    options.format = format;
    out->clear();
    append_row(row, result, options, out);
    require(out->ends_with('\n'));
    if (format == OutputFormat::jsonl) require(Json::accept(*out) && is_utf8(*out));
    if (format == OutputFormat::table) require(is_utf8(*out));
    if (format != OutputFormat::csv) require(out->find('\n') == out->size() - 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  try {
    const InputOptions reading = options_from(data[0]);
    RowReader reader({{"input", bytes}}, reading, nullptr, size_t{data[1]} + 1);
    Example row;
    std::string out;
    int64_t last_line = 0;
    while (reader.next(row, true) == ReadStatus::row) {
      require(row.line > last_line);
      last_line = row.line;
      require(row.has_ids != row.input_ids.empty());
      require(row.error.empty() || (reading.skip_bad_rows && row.kept.empty()));
      require(row.token_type_ids.empty() || row.token_type_ids.size() == row.input_ids.size());
      write_row(row, &out);
    }
    require(reader.bytes_done() <= static_cast<int64_t>(bytes.size()));
  } catch (const Error& e) {
    require(e.kind() == ErrorKind::input || e.kind() == ErrorKind::usage);
  }
  return 0;
}
