#include "tasks/read/reader.h"

#include <costeff/error.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/parse.h"
#include "base/utf8.h"
#include "tasks/lines/row_id.h"
#include "tasks/read/other_delimiter.h"

namespace costeff::tasks {
namespace {

// Only blanks: no row of more than one column.
bool is_blank(std::string_view line, char delimiter) {
  return std::all_of(line.begin(), line.end(),
                     [&](char c) { return c == ' ' || (c == '\t' && delimiter != '\t'); });
}

bool is_delimited(InputFormat format) {
  return format == InputFormat::tsv || format == InputFormat::csv;
}

}  // namespace

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
  for (const InputFile& file : files_) {
    names_.push_back(input_name(file));
    check_input(file);
    // What the first bytes decide is checked when they are there.
    if (!is_auto(file)) check_options(file, format_of(file));
    const int64_t size = input_bytes(file);
    bytes_total_ = size < 0 || bytes_total_ < 0 ? -1 : bytes_total_ + size;
  }
}

// What the file's name and the flags say it is.
InputFormat RowReader::format_of(const InputFile& file) const {
  return options_.format == InputFormat::automatic
             ? format_of_path(file.path, options_.task != nullptr || options_.is_table)
             : options_.format;
}

// Neither a flag nor its name says what it is. A separator is for text alone.
bool RowReader::is_auto(const InputFile& file) const {
  return options_.format == InputFormat::automatic && !options_.separator &&
         !format_of_extension(file.path);
}

void RowReader::check_options(const InputFile& file, InputFormat format) const {
  const std::string name = input_name(file);
  const bool is_text = format == InputFormat::text;
  const bool columns = !options_.keep.empty() || !options_.text_field.empty() ||
                       !options_.pair_field.empty() ||
                       (options_.id_field && !options_.id_field->empty());
  if (columns && is_text) {
    throw_usage(name + " is read as plain text, which has no columns or fields; " +
                "say --input-format tsv, csv or jsonl");
  }
  if (options_.want_gold && is_text) {
    throw_usage(name + " is read as plain text, which has no labels; " +
                "say --input-format tsv, csv or jsonl");
  }
  if (options_.separator && !is_text) {
    throw_usage(name + " is not read as plain text; only there a separator parts pairs");
  }
  if (options_.delimiter && !is_delimited(format)) {
    throw_usage(name + " is read as " + (is_text ? "plain text" : "JSON Lines") +
                ", which has no delimiter; say --input-format tsv or csv");
  }
}

void RowReader::open_next() {
  lines_ = std::make_unique<LineReader>(files_[at_], stop_, chunk_bytes_);
  looked_ = false;
  array_.reset();
  note_.clear();
  blanks_ = {};
}

void RowReader::say(const std::string& text) const {
  if (options_.say) options_.say(names_[at_] + ": " + text);
}

// Decides on the format by the first bytes where they have a say. `line`: it is decided.
LineStatus RowReader::look_inside(bool may_block) {
  const InputFile& file = files_[at_];
  format_ = format_of(file);
  const bool decides = is_auto(file);
  if (decides || format_ != InputFormat::text) {
    std::string_view head;
    JsonStart start = JsonStart::unsure;
    for (size_t least = 1; start == JsonStart::unsure; least = head.size() + 1) {
      const LineStatus status = lines_->peek(&head, least, may_block);
      if (status != LineStatus::line) return status;
      start = json_start(head, lines_->complete());
    }
    const bool array = start == JsonStart::array ||
                       (format_ == InputFormat::jsonl && json_begins_with_bracket(head));
    if (decides && start != JsonStart::none) {
      format_ = InputFormat::jsonl;
      note_ = std::string(array ? "is a JSON array, its elements are read as rows"
                                : "holds JSON objects, read as JSON Lines") +
              "; --input-format text scores the lines as they are";
    } else if (is_delimited(format_) && start != JsonStart::none) {
      throw_input(names_[at_] + ": holds JSON, expected " +
                  (format_ == InputFormat::tsv ? "TSV" : "CSV") + "; say --input-format jsonl");
    }
    if (array) array_.emplace();
  }
  check_options(file, format_);
  delimiter_ = options_.delimiter.value_or(format_ == InputFormat::tsv ? '\t' : ',');
  if (is_delimited(format_) && !options_.delimiter) {
    const LineStatus status = look_at_delimiter(may_block);
    if (status != LineStatus::line) return status;
  }
  csv_ = CsvRecord(delimiter_);
  have_columns_ = false;
  looked_ = true;
  return LineStatus::line;
}

// Refuses a table that is separated by another character, once its first line is there.
LineStatus RowReader::look_at_delimiter(bool may_block) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF", kEnds = "\r\n";
  constexpr size_t kMost = 64u << 10, kSample = 4096;  // what a file always has, if it is as long
  std::string_view head;
  size_t begin = 0, end = 0;
  do {
    const LineStatus status = lines_->peek(&head, head.size() + 1, may_block);
    if (status != LineStatus::line) return status;
    begin = head.find_first_not_of(" \r\n", head.starts_with(kMark) ? kMark.size() : 0);
    begin = std::min(begin, head.size());
    end = std::min(head.find_first_of(kEnds, begin), head.size());
  } while (end == head.size() && head.size() < kMost && !lines_->complete());
  const std::string_view before = head.substr(0, begin);
  check_delimiter(head.substr(begin, end - begin),
                  head.substr(0, std::max(end, kSample)).substr(end), delimiter_,
                  format_ == InputFormat::csv, options_,
                  place_text(names_[at_], 1 + std::count(before.begin(), before.end(), '\n')));
  return LineStatus::line;
}

void RowReader::finish_file() {
  csv_.finish(names_[at_]);
  if (is_delimited(format_) && !have_columns_) {
    throw_input(names_[at_] + ": is empty, expected a header or rows of columns");
  }
  if (blanks_.skipped > 0) {
    say(std::to_string(blanks_.skipped) +
        (blanks_.skipped == 1 ? " blank line is no row: line "
                              : " blank lines are no rows: line ") +
        std::to_string(blanks_.first_skipped) + (blanks_.skipped == 1 ? "" : " and others"));
  }
}

// The next line, or element of an array, and its number.
LineStatus RowReader::next_line(std::string_view* line, bool may_block) {
  if (!looked_) {
    const LineStatus status = look_inside(may_block);
    if (status != LineStatus::line) return status;
  }
  if (std::exchange(holds_, false)) {
    *line = held_;
    return LineStatus::line;
  }
  if (array_) return array_->next(lines_.get(), line, &line_number_, may_block);
  const LineStatus status = lines_->next(line, may_block);
  line_number_ = lines_->line_number();
  return status;
}

ReadStatus RowReader::next(Example& row, bool may_block) {
  for (;;) {
    if (!lines_) {
      if (at_ == files_.size()) return ReadStatus::end;
      open_next();
    }
    std::string_view line;
    const LineStatus status = next_line(&line, may_block);
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
    row.line = line_number_;
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
    if (!note_.empty()) say(std::exchange(note_, {}));  // an error before it stands alone
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
    const bool is_table = is_delimited(format_);
    if (!options_.skip_bad_rows || e.kind() != ErrorKind::input || csv_.too_long() ||
        (is_table && !have_columns_)) {
      throw;
    }
    take_bad_row(e, row);
    return true;
  }
}

void RowReader::take_bad_row(const Error& error, Example& row) {
  const int64_t last = line_number_;
  row.error = error.what();
  if (format_ == InputFormat::csv) {
    // The next record begins on the next line, whatever this one's quotes say.
    if (row.line < last) {
      row.error += " (of lines " + std::to_string(row.line) + " to " + std::to_string(last) + ")";
    }
    csv_ = CsvRecord(delimiter_);
  }
  if (holds_) {  // it is the blank line before the one that was read
    row.line = blanks_.first_pending;
    row.raw.clear();
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
      if (take_blank(line)) return false;
      return take_fields(row.line, split_tsv(line, &fields_, delimiter_), row);
    case InputFormat::csv:
      if (csv_.at_record_start()) {
        if (take_blank(line)) return false;
      } else {
        row.line = csv_.first_line();
      }
      if (!csv_.add_line(line, lines_->had_cr(), name, line_number_)) return false;
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

// A line of TSV or CSV that begins a row, or is blank: true. Throws where blank lines before a row
// are not allowed; the row comes with the next call then.
bool RowReader::take_blank(std::string_view line) {
  const bool one_column = have_columns_ && columns_.count == 1;
  if (line.empty() || (!one_column && is_blank(line, delimiter_))) {
    if (blanks_.pending++ == 0) blanks_.first_pending = line_number_;
    return true;
  }
  if (const int64_t pending = std::exchange(blanks_.pending, 0); pending > 0) {
    if (format_ == InputFormat::tsv && have_columns_) {
      held_ = line;
      holds_ = true;
      throw_input(place_text(names_[at_], blanks_.first_pending) + ": empty line, expected " +
                  columns_text(columns_.count));
    }
    if (blanks_.skipped == 0) blanks_.first_skipped = blanks_.first_pending;
    blanks_.skipped += pending;
  }
  return false;
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
