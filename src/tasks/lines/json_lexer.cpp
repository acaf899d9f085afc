#include "tasks/lines/json_lexer.h"

#include <algorithm>
#include <utility>

#include "base/fail.h"
#include "base/utf8.h"

namespace costeff::tasks {
namespace {

constexpr size_t kMaxWord = 1000;  // digits of a number: more than any real one has

constexpr const char* kHalfPair = "half of a surrogate pair";
constexpr const char* kNotUtf8 = "bytes that are not UTF-8";

bool is_letter_of_word(int c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
bool is_number(std::string_view s) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t begin = at;
    while (at < s.size() && is_digit(s[at])) ++at;
    return at > begin;
  };
  const auto one_of = [&](std::string_view set) {
    const bool there = at < s.size() && set.find(s[at]) != std::string_view::npos;
    at += there;
    return there;
  };
  one_of("-");
  if (!one_of("0") && !digits()) return false;
  if (one_of(".") && !digits()) return false;
  if (one_of("eE")) {
    one_of("+-");
    if (!digits()) return false;
  }
  return at == s.size();
}

}  // namespace

const char* json_token_text(JsonToken token) {
  switch (token) {
    case JsonToken::object_begin:
    case JsonToken::object_end:
      return "an object";
    case JsonToken::array_begin:
    case JsonToken::array_end:
      return "a list";
    case JsonToken::key:
    case JsonToken::string:
      return "a string";
    case JsonToken::number:
      return "a number";
    case JsonToken::boolean:
      return "true or false";
    case JsonToken::null:
      return "null";
    case JsonToken::end:
      return "the end";
  }
  return "";
}

JsonLexer::JsonLexer(const InputFile& file, const std::atomic<bool>* stop, size_t chunk_bytes) {
  lines_.emplace(file, stop, chunk_bytes);
}

void JsonLexer::begin_row(std::string_view row, std::string_view name, int64_t line) {
  row_name_ = name;
  row_line_ = line;
  bytes_ = row;
  at_ = 0;
  before_ = 0;
  eof_ = true;
  lenient_ = true;
  open_.clear();
  expect_ = Expect::value;
}

void JsonLexer::fail(const std::string& what) const {
  if (lines_) fail_input("{}: byte {}: {}", name(), byte(), what);
  const std::string_view before = bytes_.substr(0, at_);
  const size_t line_begin = before.rfind('\n') + 1;  // npos + 1 == 0
  const int64_t line = row_line_ + std::count(before.begin(), before.end(), '\n');
  fail_input("{}:{}: {} (column {})", row_name_, line, what, at_ - line_begin + 1);
}

void JsonLexer::fail_syntax(const std::string& what) const { fail("not valid JSON: " + what); }

void JsonLexer::fail_expected(int found, const char* expected) const {
  if (found < 0 && lines_) fail(fmt::format("the document ends, expected {}", expected));
  if (found < 0) {
    fail_syntax(fmt::format(
        "it ends early, expected {}; an object of several lines is put on one by jq -c .",
        expected));
  }
  const char byte = static_cast<char>(found);
  const std::string shown = found < 0x80 ? printable({&byte, 1}) : "a byte beyond ASCII";
  fail_syntax(fmt::format("found {}, expected {}", shown, expected));
}

bool JsonLexer::fill(bool may_block) {
  before_ += static_cast<int64_t>(bytes_.size());
  bytes_ = {};
  at_ = 0;
  switch (lines_->next_bytes(&bytes_, may_block)) {
    case LineStatus::line:
      return true;
    case LineStatus::would_block:
      return false;
    case LineStatus::end:
      if (lines_->stopped()) throw InputStopped();
      eof_ = true;
      break;
  }
  return true;
}

bool JsonLexer::ready() { return at_ < bytes_.size() || eof_ || fill(false); }

int JsonLexer::peek() {
  while (at_ == bytes_.size()) {
    if (eof_) return -1;
    fill(true);
  }
  return static_cast<uint8_t>(bytes_[at_]);
}

void JsonLexer::skip_space() {
  if (byte() == 0 && peek() == 0xEF) {  // a byte order mark
    for (const int c : {0xEF, 0xBB, 0xBF}) {
      if (peek() != c) fail_expected(peek(), "JSON");
      ++at_;
    }
  }
  for (int c = peek(); c == ' ' || c == '\n' || c == '\t' || c == '\r'; c = peek()) ++at_;
}

JsonToken JsonLexer::next() {
  for (;;) {
    skip_space();
    const int c = peek();
    switch (expect_) {
      case Expect::value_or_end:
        if (c == ']') return close();
        return read_value(c);
      case Expect::value:
        return read_value(c);
      case Expect::key_or_end:
        if (c == '}') return close();
        read_key();
        return JsonToken::key;
      case Expect::key:
        read_key();
        return JsonToken::key;
      case Expect::comma_or_end:
        break;
    }
    if (open_.empty()) {
      if (c < 0) return JsonToken::end;
      fail_expected(c, "the end of the document");
    }
    const bool in_object = open_.back() == '{';
    if (c == (in_object ? '}' : ']')) return close();
    if (c != ',') fail_expected(c, in_object ? ", or }" : ", or ]");
    ++at_;
    expect_ = in_object ? Expect::key : Expect::value;
  }
}

void JsonLexer::skip(JsonToken first) {
  if (first != JsonToken::object_begin && first != JsonToken::array_begin) return;
  const size_t depth = open_.size() - 1;
  const bool was_lenient = std::exchange(lenient_, true);
  while (open_.size() > depth) next();
  lenient_ = was_lenient;
}

JsonToken JsonLexer::open(char bracket) {
  const size_t limit = lenient_ ? kMaxSkippedDepth : kMaxDepth;
  if (open_.size() >= limit) fail(fmt::format("JSON nested deeper than {} levels", limit));
  ++at_;
  open_.push_back(bracket);
  expect_ = bracket == '{' ? Expect::key_or_end : Expect::value_or_end;
  return bracket == '{' ? JsonToken::object_begin : JsonToken::array_begin;
}

JsonToken JsonLexer::close() {
  ++at_;
  const bool object = open_.back() == '{';
  open_.pop_back();
  expect_ = Expect::comma_or_end;
  return object ? JsonToken::object_end : JsonToken::array_end;
}

JsonToken JsonLexer::read_value(int c) {
  if (c == '{' || c == '[') return open(static_cast<char>(c));
  expect_ = Expect::comma_or_end;
  if (c == '"') {
    read_string();
    return JsonToken::string;
  }
  if (c == '-' || (c >= '0' && c <= '9')) {
    read_number();
    return JsonToken::number;
  }
  if (c >= 'a' && c <= 'z') return read_word();
  if (lenient_ && (c == 'N' || c == 'I')) return read_word();
  fail_expected(c, "a value");
}

void JsonLexer::read_key() {
  if (peek() != '"') fail_expected(peek(), "a key in quotes");
  read_string();
  skip_space();
  if (peek() != ':') fail_expected(peek(), ":");
  ++at_;
  expect_ = Expect::value;
}

void JsonLexer::read_string() {
  ++at_;
  text_.clear();
  flaw_ = nullptr;
  for (;;) {
    const int c = peek();
    if (c < 0x20) fail_expected(c, "the rest of a string");
    if (c == '"') break;
    if (c == '\\') {
      ++at_;
      read_escape();
    } else {
      const size_t begin = at_;
      while (at_ < bytes_.size() && static_cast<uint8_t>(bytes_[at_]) >= 0x20 &&
             bytes_[at_] != '"' && bytes_[at_] != '\\') {
        ++at_;
      }
      text_.append(bytes_.substr(begin, at_ - begin));
    }
    if (text_.size() > kMaxLineBytes) {
      fail(fmt::format("a string longer than {} MiB", kMaxLineBytes >> 20));
    }
  }
  ++at_;
  if (is_utf8(text_)) return;
  if (!lenient_) fail("a string that is not UTF-8, expected JSON in UTF-8");
  flaw_ = kNotUtf8;
}

void JsonLexer::read_escape() {
  constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
  const int c = peek();
  ++at_;  // the end of the file is an error below
  if (c == 'u') {
    uint32_t code = read_hex();
    while (code >= 0xD800 && code < 0xDC00) {
      uint32_t low = 0;
      if (peek() == '\\') {
        ++at_;
        if (peek() == 'u') {
          ++at_;
          low = read_hex();
        } else if (lenient_) {
          append_half();
          return read_escape();
        }
      }
      if (low >= 0xDC00 && low <= 0xDFFF) {
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        break;
      }
      if (!lenient_) fail("half of a surrogate pair, \\uD800 to \\uDBFF");
      append_half();
      if (low == 0) return;  // no escape follows
      code = low;
    }
    if (code >= 0xDC00 && code <= 0xDFFF) {
      if (!lenient_) fail("half of a surrogate pair, \\uDC00 to \\uDFFF");
      append_half();
      return;
    }
    append_utf8(code, &text_);
    return;
  }
  const size_t letter = c < 0 ? std::string_view::npos : kLetters.find(static_cast<char>(c));
  if (letter == std::string_view::npos) {
    --at_;
    fail_expected(c, "one of \" \\ / b f n r t u after \\");
  }
  text_.push_back(kMeanings[letter]);
}

void JsonLexer::append_half() {
  append_utf8(kReplacement, &text_);
  flaw_ = kHalfPair;
}

uint32_t JsonLexer::read_hex() {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const int c = peek();
    const int lower = c | 0x20;
    if (c >= '0' && c <= '9') {
      value = value * 16 + static_cast<uint32_t>(c - '0');
    } else if (c >= 0 && lower >= 'a' && lower <= 'f') {
      value = value * 16 + static_cast<uint32_t>(lower - 'a' + 10);
    } else {
      fail_expected(c, "four hexadecimal digits after \\u");
    }
    ++at_;
  }
  return value;
}

void JsonLexer::read_number() {
  text_.clear();
  const size_t limit = lenient_ ? kMaxLineBytes : kMaxWord;
  for (int c = peek(); c >= 0; c = peek()) {
    const char letter = static_cast<char>(c);
    if (!is_digit(letter) && std::string_view("+-.eE").find(letter) == std::string_view::npos)
      break;
    if (text_.size() == limit) break;
    text_.push_back(letter);
    ++at_;
  }
  if (lenient_ && text_ == "-" && peek() == 'I') {
    read_word();
    text_.insert(0, 1, '-');
    return;
  }
  if (!is_number(text_)) fail_syntax(printable(text_, 60) + ", expected a number");
}

JsonToken JsonLexer::read_word() {
  constexpr size_t kMaxLetters = std::string_view("Infinity").size();
  text_.clear();
  for (int c = peek(); is_letter_of_word(c) && text_.size() <= kMaxLetters; c = peek()) {
    if (!lenient_ && !(c >= 'a' && c <= 'z')) break;
    text_.push_back(static_cast<char>(c));
    ++at_;
  }
  if (text_ == "null") return JsonToken::null;
  if (text_ == "true" || text_ == "false") return JsonToken::boolean;
  if (lenient_ && (text_ == "NaN" || text_ == "Infinity")) return JsonToken::number;
  fail_syntax(text_ + ", expected a value");
}

}  // namespace costeff::tasks
