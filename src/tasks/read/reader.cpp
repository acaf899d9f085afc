#include "tasks/read/reader.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/fail.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "tasks/lines/row_id.h"
#include "tasks/read/other_delimiter.h"

namespace costeff::tasks {
namespace {

// Only blanks: cannot be a row of several columns.
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
    // A format that the first bytes decide is checked when they are there.
    if (!is_auto(file)) check_options(file, format_of(file));
    const int64_t size = input_bytes(file);
    bytes_total_ = size < 0 || bytes_total_ < 0 ? -1 : bytes_total_ + size;
  }
}

// The format by the flags and the file's name.
InputFormat RowReader::format_of(const InputFile& file) const {
  return options_.format == InputFormat::automatic
             ? format_of_path(file.path, options_.task != nullptr || options_.is_table)
             : options_.format;
}

// Neither a flag nor the file's name tells the format. (A separator means text.)
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
    fail_usage(
        "{} is read as plain text, which has no columns or fields; say --input-format tsv, csv or "
        "jsonl",
        name);
  }
  if (options_.want_gold && is_text) {
    fail_usage(
        "{} is read as plain text, which has no labels; say --input-format tsv, csv or jsonl",
        name);
  }
  if (options_.separator && !is_text) {
    fail_usage("{} is not read as plain text; only there a separator splits pairs", name);
  }
  if (options_.delimiter && !is_delimited(format)) {
    fail_usage("{} is read as {}, which has no delimiter; say --input-format tsv or csv", name,
               is_text ? "plain text" : "JSON Lines");
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
  if (options_.say) options_.say(fmt::format("{}: {}", names_[at_], text));
}

// Decides the format, by the first bytes if need be. `line`: it is decided.
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
      note_ = fmt::format("{}; --input-format text scores the lines as they are",
                          array ? "is a JSON array, its elements are read as rows"
                                : "holds JSON objects, read as JSON Lines");
    } else if (is_delimited(format_) && start != JsonStart::none) {
      fail_input("{}: holds JSON, expected {}; say --input-format jsonl", names_[at_],
                 format_ == InputFormat::tsv ? "TSV" : "CSV");
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
  // A file gives at least kSample bytes at once if it is that long.
  constexpr size_t kMaxFirstLine = 64u << 10, kSample = 4096;
  std::string_view head;
  size_t begin = 0, end = 0;
  do {
    const LineStatus status = lines_->peek(&head, head.size() + 1, may_block);
    if (status != LineStatus::line) return status;
    begin = head.find_first_not_of(" \r\n", head.starts_with(kMark) ? kMark.size() : 0);
    begin = std::min(begin, head.size());
    end = std::min(head.find_first_of(kEnds, begin), head.size());
  } while (end == head.size() && head.size() < kMaxFirstLine && !lines_->complete());
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
    fail_input("{}: is empty, expected a header or rows of columns", names_[at_]);
  }
  if (blanks_.skipped > 0) {
    const bool one = blanks_.skipped == 1;
    say(fmt::format("{} {}: line {}{}", blanks_.skipped,
                    one ? "blank line was skipped" : "blank lines were skipped",
                    blanks_.first_skipped, one ? "" : " and others"));
  }
}

// The next line, or element of an array; sets line_number_.
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
    if (!read_row(line, row)) continue;
    if (format_ == InputFormat::jsonl && !have_columns_ && row.error.empty()) {
      jsonl_.check_kept(line, names_[at_], row.line);
      have_columns_ = true;
    }
    row.source = names_[at_];
    const int64_t number = rows_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (!note_.empty()) say(std::exchange(note_, {}));  // not said if the first row is an error
    if (row.id.empty()) set_number_id(number, &row.id);
    return ReadStatus::row;
  }
}

// Like read_line, but a row that cannot be read becomes a bad row if the options say so.
bool RowReader::read_row(std::string_view line, Example& row) {
  if (options_.keep_raw) keep_raw(line, row);
  try {
    return read_line(line, row);
  } catch (const Error& e) {
    const bool is_table = is_delimited(format_);
    if (!options_.skip_bad_rows || e.kind() != ErrorKind::input || csv_.too_long() ||
        (is_table && !have_columns_)) {
      throw;
    }
    make_bad_row(e, row);
    return true;
  }
}

void RowReader::make_bad_row(const Error& error, Example& row) {
  const int64_t last = line_number_;
  row.error = error.what();
  if (format_ == InputFormat::csv) {
    // The next record begins on the next line, whatever this one's quotes say.
    if (row.line < last) {
      row.error += fmt::format(" (of lines {} to {})", row.line, last);
    }
    csv_ = CsvRecord(delimiter_);
  }
  if (holds_) {  // the error is about the blank line before the one that was read
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

// Keeps a row's line, or adds a line to those of a CSV record.
void RowReader::keep_raw(std::string_view line, Example& row) {
  if (format_ != InputFormat::csv || csv_.at_record_start()) {
    row.raw.assign(line);
  } else {
    row.raw += '\n';
    row.raw += line;
  }
}

// false: no row yet (a header, the beginning of a record, an empty line of JSONL).
bool RowReader::read_line(std::string_view line, Example& row) {
  const std::string& name = names_[at_];
  switch (format_) {
    case InputFormat::tsv:
      if (is_blank_line(line)) return false;
      return read_fields(row.line, split_tsv(line, &fields_, delimiter_), row);
    case InputFormat::csv:
      if (csv_.at_record_start()) {
        if (is_blank_line(line)) return false;
      } else {
        row.line = csv_.first_line();
      }
      if (!csv_.add_line(line, lines_->had_cr(), name, line_number_)) return false;
      csv_.fields(&fields_);
      return read_fields(csv_.first_line(), static_cast<int64_t>(fields_.size()), row);
    case InputFormat::jsonl:
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) return false;
      jsonl_.parse(line, name, row.line, &row);
      return true;
    default:
      return read_text(line, row);
  }
}

// Whether a line of TSV or CSV that could begin a row is blank. Throws where blank lines before a
// row are not allowed; the row then comes with the next call.
bool RowReader::is_blank_line(std::string_view line) {
  const bool one_column = have_columns_ && columns_.count == 1;
  if (line.empty() || (!one_column && is_blank(line, delimiter_))) {
    if (blanks_.pending++ == 0) blanks_.first_pending = line_number_;
    return true;
  }
  if (const int64_t pending = std::exchange(blanks_.pending, 0); pending > 0) {
    if (format_ == InputFormat::tsv && have_columns_) {
      held_ = line;
      holds_ = true;
      fail_input("{}:{}: empty line, expected {}", names_[at_], blanks_.first_pending,
                 columns_text(columns_.count));
    }
    if (blanks_.skipped == 0) blanks_.first_skipped = blanks_.first_pending;
    blanks_.skipped += pending;
  }
  return false;
}

bool RowReader::read_text(std::string_view line, Example& row) {
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

bool RowReader::read_fields(int64_t line, int64_t count, Example& row) {
  row.line = line;
  if (!have_columns_) {
    if (count > kMaxColumns) {
      fail_input("{}:{}: {}, expected at most {}", names_[at_], line, columns_text(count),
                 kMaxColumns);
    }
    columns_ = choose_columns(fields_, options_, place_text(names_[at_], line));
    have_columns_ = true;
    if (columns_.header) return false;
  }
  if (count != columns_.count) {
    const std::string note = options_.task ? fmt::format(" (task {})", options_.task->name) : "";
    fail_input("{}:{}: {}, expected {}{}", names_[at_], line, columns_text(count), columns_.count,
               note);
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
