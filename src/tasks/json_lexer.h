#pragma once

// JSON token by token, from a file of any size: a document of many rows is read without being held.

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "tasks/line_reader.h"

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

// Thrown where waiting for input ended because of *stop.
struct InputStopped {};

// Gives the tokens of one document (RFC 8259) and checks that it is one: grammar, UTF-8, nesting of
// at most 64 levels, nothing behind it. Holds one chunk of the file and one string. Throws
// Error(input) that begins "name: byte N: ", N from 0.
class JsonLexer {
 public:
  static constexpr size_t kMaxDepth = 64;

  explicit JsonLexer(const InputFile& file, const std::atomic<bool>* stop = nullptr,
                     size_t chunk_bytes = 256u << 10);

  JsonToken next();

  // Of a key or string: its value; of a number or boolean: as written. Valid until next().
  const std::string& text() const { return text_; }

  // Reads to the end of the value whose first token was `first`.
  void skip(JsonToken first);

  // The next token can be had without waiting for input, as far as is known.
  bool ready();

  int64_t byte() const { return before_ + static_cast<int64_t>(at_); }  // behind the last token
  void check_unchanged() const { lines_.check_unchanged(); }
  const std::string& name() const { return lines_.name(); }
  int64_t bytes_done() const {
    return lines_.bytes_done();
  }  // may be asked for from another thread

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
  void read_number();
  JsonToken read_word();
  [[noreturn]] void fail(const std::string& what) const;
  [[noreturn]] void fail_expected(int found, const char* expected) const;

  LineReader lines_;
  std::string_view bytes_;  // of the chunk in hand
  size_t at_ = 0;           // in bytes_
  int64_t before_ = 0;      // bytes of the chunks before it
  bool eof_ = false;

  std::string open_;  // brackets that are open: { and [
  Expect expect_ = Expect::value;
  std::string text_;
};

}  // namespace costeff::tasks
