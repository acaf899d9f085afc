#pragma once

// Reads JSON token by token: a file of any size, of which only a chunk is held, or one row in
// memory.

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tasks/lines/line_reader.h"

namespace costeff::tasks {

enum class JsonToken {
  object_begin,
  object_end,
  array_begin,
  array_end,
  key,
  string,
  number,
  boolean,
  null,
  end  // of the document
};

// "an object", "a number", ...
const char* json_token_text(JsonToken token);

// Thrown when *stop ended the wait for input.
struct InputStopped {};

// Gives the tokens of one document (RFC 8259) and checks that it is one: grammar, UTF-8, nesting of
// at most 64 levels, nothing after it. Holds one chunk of the file and one string. Throws
// Error(input) that begins "name: byte N: ", N from 0.
//
// Skipped values, and all values of a row, may be whatever Python's json module writes and reads:
// NaN, Infinity and -Infinity (JsonToken::number), halves of surrogate pairs, bytes that are not
// UTF-8, numbers of any length, nesting of up to 1000 levels. flaw() tells.
class JsonLexer {
 public:
  static constexpr size_t kMaxDepth = 64, kMaxSkippedDepth = 1000;

  // The document is a file.
  explicit JsonLexer(const InputFile& file, const std::atomic<bool>* stop = nullptr,
                     size_t chunk_bytes = 256u << 10);

  // The document is a row, given to begin_row() before the first next(). A row that is no larger
  // than those before it allocates nothing. Errors begin "name:line: ", and name a column from 1.
  // `row` and `name` must outlive the row's tokens; `line` is the line in which the row begins.
  JsonLexer() = default;
  void begin_row(std::string_view row, std::string_view name, int64_t line);

  JsonToken next();

  // The value of a key or string; a number or boolean as written. Valid until next().
  const std::string& text() const { return text_; }

  // What is wrong with the latest string or key: "half of a surrogate pair", "bytes that are not
  // UTF-8"; null: nothing.
  const char* flaw() const { return flaw_; }

  // Skips the rest of the value whose first token was `first`.
  void skip(JsonToken first);

  // Whether the next token can probably be read without waiting for input.
  bool ready();

  int64_t byte() const { return before_ + static_cast<int64_t>(at_); }  // after the last token
  void check_unchanged() const { lines_->check_unchanged(); }
  const std::string& name() const { return lines_->name(); }  // files only
  // Files only. May be called from another thread.
  int64_t bytes_done() const { return lines_->bytes_done(); }

 private:
  enum class Expect { value, value_or_end, key, key_or_end, comma_or_end };

  bool fill(bool may_block);
  int peek();  // the next byte; -1: none
  void skip_space();
  JsonToken open(char bracket);
  JsonToken close();
  JsonToken read_value(int c);
  void read_key();
  void read_string();
  void read_escape();
  uint32_t read_hex();
  void append_half();
  void read_number();
  JsonToken read_word();
  [[noreturn]] void fail(const std::string& what) const;
  [[noreturn]] void fail_syntax(const std::string& what) const;
  [[noreturn]] void fail_expected(int found, const char* expected) const;

  std::optional<LineReader> lines_;  // none: rows
  std::string_view row_name_;
  int64_t row_line_ = 0;
  bool lenient_ = false;  // the value is skipped, or the caller looks at flaw()

  std::string_view bytes_;  // the current chunk, or the row
  size_t at_ = 0;           // in bytes_
  int64_t before_ = 0;      // bytes of the chunks before it
  bool eof_ = false;

  std::string open_;  // brackets that are open: { and [
  Expect expect_ = Expect::value;
  std::string text_;
  const char* flaw_ = nullptr;
};

}  // namespace costeff::tasks
