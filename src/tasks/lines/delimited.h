#pragma once

// Splits lines of TSV and CSV into fields.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace costeff::tasks {

// More columns than any table of texts has. It bounds the memory that a hostile line can take.
inline constexpr int64_t kMaxColumns = 65536;

// "dev.tsv:42"
std::string place_text(std::string_view name, int64_t line);
// "1 column", "3 columns"
std::string columns_text(int64_t count);

// For messages: "a tab", "a comma", "';'".
std::string delimiter_text(char delimiter);

// GLUE's rules: tabs (or another delimiter) separate the fields, and quotes are ordinary
// characters. Returns the number of fields. Only the first kMaxColumns of them are put into
// *fields.
int64_t split_tsv(std::string_view line, std::vector<std::string_view>* fields,
                  char delimiter = '\t');

// Reads RFC 4180 a line at a time: a field that begins with a quote may hold commas (or another
// delimiter), doubled quotes and newlines (\n and \r\n as they are). A quote inside a field that
// does not begin with one is an ordinary character; text after a closing quote is an Error.
class CsvRecord {
 public:
  explicit CsvRecord(char delimiter = ',') : delimiter_(delimiter) {}

  // Adds a line of the file `name`. true: the record is complete. Throws Error(input): text after a
  // closing quote, too many columns, a record larger than kMaxLineBytes.
  bool add_line(std::string_view line, bool had_cr, std::string_view name, int64_t line_number);

  // To be called at the end of the file. Throws Error(input) that names the line of a quote that
  // was never closed.
  void finish(std::string_view name) const;

  // The Error was about a record larger than kMaxLineBytes.
  bool too_long() const { return too_long_; }

  bool at_record_start() const { return state_ == State::record_start; }

  // The fields of the complete record; valid until the next add_line.
  void fields(std::vector<std::string_view>* out) const;
  int64_t first_line() const { return first_line_; }

 private:
  enum class State { record_start, field_start, plain, quoted, quote_closed };
  void end_field(std::string_view name, int64_t line_number);

  char delimiter_;
  State state_ = State::record_start;
  std::string bytes_;         // fields end to end, quotes undone
  std::vector<size_t> ends_;  // of the fields, in bytes_
  int64_t first_line_ = 0, quote_line_ = 0;
  bool too_long_ = false;
};

}  // namespace costeff::tasks
