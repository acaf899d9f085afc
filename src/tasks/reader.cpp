#include "tasks/reader.h"

#include <costeff/error.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "base/utf8.h"
#include "tasks/row_id.h"

namespace costeff::tasks {
namespace {

struct FormatName {
  std::string_view name;
  InputFormat format;
};

constexpr std::array<FormatName, 5> kFormats{{{"auto", InputFormat::automatic},
                                              {"text", InputFormat::text},
                                              {"tsv", InputFormat::tsv},
                                              {"csv", InputFormat::csv},
                                              {"jsonl", InputFormat::jsonl}}};

// .json is taken for JSONL under a common name: a real JSON document fails on its first line
// instead of being scored as text.
constexpr std::array<FormatName, 8> kExtensions{{{"tsv", InputFormat::tsv},
                                                 {"tab", InputFormat::tsv},
                                                 {"csv", InputFormat::csv},
                                                 {"jsonl", InputFormat::jsonl},
                                                 {"ndjson", InputFormat::jsonl},
                                                 {"jsonlines", InputFormat::jsonl},
                                                 {"json-lines", InputFormat::jsonl},
                                                 {"json", InputFormat::jsonl}}};

}  // namespace

InputFormat input_format_from_name(std::string_view name) {
  std::string known;
  for (const FormatName& f : kFormats) {
    if (f.name == name) return f.format;
    known += (known.empty() ? "" : ", ") + std::string(f.name);
  }
  throw_usage("input format \"" + printable(name, 40) + "\" is not known, expected one of " +
              known);
}

InputFormat format_of_path(std::string_view path, bool has_task) {
  const std::string_view file = path.substr(path.rfind('/') + 1);  // npos + 1 == 0
  if (const size_t dot = file.rfind('.'); dot != std::string_view::npos) {
    std::string extension(file.substr(dot + 1));
    for (char& c : extension) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    for (const FormatName& f : kExtensions) {
      if (f.name == extension) return f.format;
    }
  }
  return has_task ? InputFormat::tsv : InputFormat::text;
}

RowReader::RowReader(std::vector<InputFile> files, InputOptions options,
                     const std::atomic<bool>* stop, size_t chunk_bytes)
    : files_(std::move(files)),
      options_(std::move(options)),
      stop_(stop),
      chunk_bytes_(chunk_bytes),
      jsonl_(options_) {
  if (options_.separator && options_.separator->empty()) {
    throw_usage("the separator of pairs is empty");
  }
  if (std::count_if(files_.begin(), files_.end(), is_stdin) > 1) {
    throw_usage("standard input is named twice");
  }
  const bool columns = !options_.keep.empty() || !options_.text_field.empty() ||
                       !options_.pair_field.empty() ||
                       (options_.id_field && !options_.id_field->empty());
  for (const InputFile& file : files_) {
    names_.push_back(input_name(file));
    check_input(file);
    const bool is_text = (options_.format == InputFormat::automatic
                              ? format_of_path(file.path, options_.task != nullptr)
                              : options_.format) == InputFormat::text;
    if (columns && is_text) {
      throw_usage(names_.back() + " is read as plain text, which has no columns or fields; " +
                  "say --input-format tsv, csv or jsonl");
    }
    if (options_.want_gold && is_text) {
      throw_usage(names_.back() + " is read as plain text, which has no labels; " +
                  "say --input-format tsv, csv or jsonl");
    }
    if (options_.separator && !is_text) {
      throw_usage(names_.back() + " is not read as plain text; only there a separator parts pairs");
    }
    const int64_t size = input_bytes(file);
    bytes_total_ = size < 0 || bytes_total_ < 0 ? -1 : bytes_total_ + size;
  }
}

void RowReader::open_next() {
  const InputFile& file = files_[at_];
  lines_ = std::make_unique<LineReader>(file, stop_, chunk_bytes_);
  format_ = options_.format == InputFormat::automatic
                ? format_of_path(file.path, options_.task != nullptr)
                : options_.format;
  have_columns_ = false;
  csv_ = CsvRecord();
}

void RowReader::finish_file() {
  csv_.finish(names_[at_]);
  if ((format_ == InputFormat::tsv || format_ == InputFormat::csv) && !have_columns_) {
    throw_input(names_[at_] + ": is empty, expected a header or rows of columns");
  }
}

ReadStatus RowReader::next(Example& row, bool may_block) {
  for (;;) {
    if (!lines_) {
      if (at_ == files_.size()) return ReadStatus::end;
      open_next();
    }
    std::string_view line;
    const LineStatus status = lines_->next(&line, may_block);
    if (status == LineStatus::would_block) return ReadStatus::would_block;
    if (status == LineStatus::end) {
      if (lines_->stopped()) return ReadStatus::end;
      finish_file();
      bytes_before_ += lines_->bytes_done();
      lines_.reset();
      ++at_;
      continue;
    }
    bytes_done_.store(bytes_before_ + lines_->bytes_done(), std::memory_order_relaxed);
    row.line = lines_->line_number();
    row.id.clear();
    row.gold.clear();
    row.error.clear();
    if (!take_row(line, row)) continue;
    if (format_ == InputFormat::jsonl && !have_columns_ && row.error.empty()) {
      jsonl_.check_kept(line, names_[at_], row.line);
      have_columns_ = true;
    }
    row.source = names_[at_];
    const int64_t number = rows_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (row.id.empty()) set_number_id(number, &row.id);
    return ReadStatus::row;
  }
}

// As take_line, where a row that cannot be read is one too if the options say so.
bool RowReader::take_row(std::string_view line, Example& row) {
  if (options_.keep_raw) take_raw(line, row);
  try {
    return take_line(line, row);
  } catch (const Error& e) {
    const bool is_table = format_ == InputFormat::tsv || format_ == InputFormat::csv;
    if (!options_.skip_bad_rows || e.kind() != ErrorKind::input || csv_.too_long() ||
        (is_table && !have_columns_)) {
      throw;
    }
    take_bad_row(e, row);
    return true;
  }
}

void RowReader::take_bad_row(const Error& error, Example& row) {
  const int64_t last = lines_->line_number();
  row.error = error.what();
  if (format_ == InputFormat::csv) {
    // The next record begins on the next line, whatever this one's quotes say.
    if (row.line < last) {
      row.error += " (of lines " + std::to_string(row.line) + " to " + std::to_string(last) + ")";
    }
    csv_ = CsvRecord();
  }
  row.text_a.clear();
  row.text_b.reset();
  row.input_ids.clear();
  row.token_type_ids.clear();
  row.has_ids = false;
  row.id.clear();
  row.gold.clear();
  row.kept.clear();
}

// A row's line, or the lines of a CSV record so far.
void RowReader::take_raw(std::string_view line, Example& row) {
  if (format_ != InputFormat::csv || csv_.at_record_start()) {
    row.raw.assign(line);
  } else {
    row.raw += '\n';
    row.raw += line;
  }
}

// false: no row yet (a header, the begin of a record, an empty line of JSONL).
bool RowReader::take_line(std::string_view line, Example& row) {
  const std::string& name = names_[at_];
  switch (format_) {
    case InputFormat::tsv:
      check_not_empty(line);
      return take_fields(row.line, split_tsv(line, &fields_), row);
    case InputFormat::csv:
      if (csv_.at_record_start()) {
        check_not_empty(line);
      } else {
        row.line = csv_.first_line();
      }
      if (!csv_.add_line(line, lines_->had_cr(), name, lines_->line_number())) return false;
      csv_.fields(&fields_);
      return take_fields(csv_.first_line(), static_cast<int64_t>(fields_.size()), row);
    case InputFormat::jsonl:
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) return false;
      jsonl_.parse(line, name, row.line, &row);
      return true;
    default:
      return take_text(line, row);
  }
}

void RowReader::check_not_empty(std::string_view line) const {
  if (line.empty()) {
    throw_input(place_text(names_[at_], lines_->line_number()) + ": empty line, expected " +
                (have_columns_ ? columns_text(columns_.count) : "columns"));
  }
}

bool RowReader::take_text(std::string_view line, Example& row) {
  row.kept.clear();
  row.input_ids.clear();
  row.token_type_ids.clear();
  row.has_ids = false;
  const size_t at = options_.separator ? line.find(*options_.separator) : std::string_view::npos;
  row.text_a.assign(line.substr(0, at));
  if (at == std::string_view::npos) {
    row.text_b.reset();
  } else {
    row.text_b.emplace(line.substr(at + options_.separator->size()));
  }
  return true;
}

bool RowReader::take_fields(int64_t line, int64_t count, Example& row) {
  const auto place = [&] { return place_text(names_[at_], line); };
  row.line = line;
  if (!have_columns_) {
    if (count > kMaxColumns) {
      throw_input(place() + ": " + columns_text(count) + ", expected at most " +
                  std::to_string(kMaxColumns));
    }
    columns_ = choose_columns(fields_, options_, place());
    have_columns_ = true;
    if (columns_.header) return false;
  }
  if (count != columns_.count) {
    throw_input(place() + ": " + columns_text(count) + ", expected " +
                std::to_string(columns_.count) +
                (options_.task ? " (task " + std::string(options_.task->name) + ")" : ""));
  }
  row.input_ids.clear();
  row.token_type_ids.clear();
  row.has_ids = false;
  row.text_a.assign(fields_[columns_.text]);
  if (columns_.pair >= 0) {
    row.text_b.emplace(fields_[columns_.pair]);
  } else {
    row.text_b.reset();
  }
  if (columns_.label >= 0) row.gold.assign(fields_[columns_.label]);
  if (columns_.id >= 0) set_text_id(fields_[columns_.id], &row.id);
  row.kept.resize(columns_.kept.size());
  for (size_t i = 0; i < row.kept.size(); ++i) {
    set_text_id(fields_[columns_.kept[i]], &row.kept[i]);
  }
  return true;
}

}  // namespace costeff::tasks
