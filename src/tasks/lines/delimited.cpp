#include "tasks/lines/delimited.h"

#include <algorithm>

#include "base/fail.h"
#include "tasks/lines/line_reader.h"

namespace costeff::tasks {

std::string place_text(std::string_view name, int64_t line) {
  return fmt::format("{}:{}", name, line);
}

std::string columns_text(int64_t count) {
  return fmt::format("{} {}", count, count == 1 ? "column" : "columns");
}

std::string delimiter_text(char delimiter) {
  if (delimiter == '\t') return "a tab";
  if (delimiter == ',') return "a comma";
  return fmt::format("'{}'", delimiter);
}

int64_t split_tsv(std::string_view line, std::vector<std::string_view>* fields, char delimiter) {
  fields->clear();
  for (;;) {
    const size_t tab = line.find(delimiter);
    fields->push_back(line.substr(0, tab));
    if (tab == std::string_view::npos) break;
    line.remove_prefix(tab + 1);
    if (static_cast<int64_t>(fields->size()) == kMaxColumns) {
      return kMaxColumns + 1 + std::count(line.begin(), line.end(), delimiter);
    }
  }
  return static_cast<int64_t>(fields->size());
}

void CsvRecord::end_field(std::string_view name, int64_t line_number) {
  if (static_cast<int64_t>(ends_.size()) == kMaxColumns) {
    fail_input("{}:{}: more than {}", name, line_number, columns_text(kMaxColumns));
  }
  ends_.push_back(bytes_.size());
}

bool CsvRecord::add_line(std::string_view line, bool had_cr, std::string_view name,
                         int64_t line_number) {
  if (state_ == State::record_start) {
    bytes_.clear();
    ends_.clear();
    first_line_ = line_number;
    state_ = State::field_start;
  }
  if (bytes_.size() + line.size() > kMaxLineBytes) {
    too_long_ = true;
    fail_input("{}:{}: record longer than {} MiB", name, first_line_, kMaxLineBytes >> 20);
  }
  for (size_t at = 0; at < line.size();) {
    switch (state_) {
      case State::field_start:
        if (line[at] == '"') {
          quote_line_ = line_number;
          state_ = State::quoted;
          ++at;
        } else {
          state_ = State::plain;
        }
        break;
      case State::plain: {
        const size_t comma = std::min(line.find(delimiter_, at), line.size());
        bytes_.append(line, at, comma - at);
        at = comma;
        if (at < line.size()) {
          end_field(name, first_line_);
          state_ = State::field_start;
          ++at;
        }
        break;
      }
      case State::quoted: {
        const size_t quote = std::min(line.find('"', at), line.size());
        bytes_.append(line, at, quote - at);
        at = quote;
        if (at < line.size()) {
          state_ = State::quote_closed;
          ++at;
        }
        break;
      }
      case State::quote_closed:
        if (line[at] == '"') {
          bytes_ += '"';
          state_ = State::quoted;
        } else if (line[at] == delimiter_) {
          end_field(name, first_line_);
          state_ = State::field_start;
        } else {
          fail_input("{}:{}: text after a closing quote, expected {} or the end of the line", name,
                     line_number, delimiter_text(delimiter_));
        }
        ++at;
        break;
      case State::record_start:
        break;  // left above
    }
  }
  if (state_ == State::quoted) {
    bytes_ += had_cr ? "\r\n" : "\n";
    return false;
  }
  end_field(name, first_line_);
  state_ = State::record_start;
  return true;
}

void CsvRecord::finish(std::string_view name) const {
  if (state_ == State::record_start) return;
  fail_input("{}:{}: a quote opens a field here and the file ends before it is closed", name,
             quote_line_);
}

void CsvRecord::fields(std::vector<std::string_view>* out) const {
  out->clear();
  size_t begin = 0;
  for (size_t end : ends_) {
    out->push_back(std::string_view(bytes_).substr(begin, end - begin));
    begin = end;
  }
}

}  // namespace costeff::tasks
