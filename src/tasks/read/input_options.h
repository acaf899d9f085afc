#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/judge/task_table.h"
#include "tasks/read/keep_columns.h"

namespace costeff::tasks {

enum class InputFormat { automatic, text, tsv, csv, jsonl };
enum class Header { automatic, yes, no };

struct InputOptions {
  // automatic: by extension, .gz and .zst aside. .tsv .tab; .csv; .jsonl .ndjson .json-lines
  // .jsonlines .json; anything else and standard input are text, or TSV when a task is given or
  // is_table, unless they begin as JSON does (json_array.h): JSONL then.
  InputFormat format = InputFormat::automatic;
  bool is_table = false;

  // Names of JSONL fields or TSV/CSV columns, or numbers of columns, from 1 (if the header has a
  // column of that name, it goes before the number). Empty: chosen by the task or by common names.
  // A text_field without a pair_field means single sentences. JSONL: text_field "input_ids" means
  // token ids.
  std::string text_field, pair_field;
  std::optional<std::string> id_field;  // absent: `id` (TSV/CSV also `index`) if there; "": none

  // The gold label of a row goes into Example::gold; a row without one is an Error. label_field is
  // its field or column, named as the texts are. Empty: the task's, else `label` and the other
  // usual names.
  bool want_gold = false;
  std::string label_field;

  // automatic: a header is expected where columns are named. Where all columns are given by number,
  // the first line is a header if it holds a usual column name (sentence, label, index, ...).
  Header header = Header::automatic;

  // TSV and CSV: what separates the columns instead of tab or comma. Absent: a file whose columns
  // are clearly separated by something else is an Error.
  std::optional<char> delimiter;

  // Text only: a line is split into a pair at its first separator; a line without one has no pair.
  std::optional<std::string> separator;

  // Columns or fields, named as the texts are, whose values go into Example::kept.
  std::vector<KeptColumn> keep = {};

  // A row that cannot be read is given with Example::error; false: the error is thrown. Errors of a
  // file as a whole are always thrown: a header without the columns, a quote that is never closed.
  bool skip_bad_rows = false;
  bool keep_raw = false;  // fill Example::raw

  const Task* task = nullptr;  // the columns of a GLUE task, unless text_field says otherwise

  // Called with a line of text about a file that is not read as its name says, and about lines that
  // are left out; by the thread that reads. May be empty.
  std::function<void(const std::string&)> say;
};

// "text", "tsv", "csv", "jsonl", "auto", and the extensions above. Throws Error(usage).
InputFormat input_format_from_name(std::string_view name);

// What `automatic` means for a file with this path, as far as the path tells.
std::optional<InputFormat> format_of_extension(std::string_view path);
InputFormat format_of_path(std::string_view path, bool is_table);

// ";", "tab" or "\\t". Throws Error(usage).
char delimiter_from_text(std::string_view text);

}  // namespace costeff::tasks
