#pragma once

// JSON as the program writes it: rows on a line each, and reports that people read too.

#include <charconv>
#include <concepts>
#include <cstdint>
#include <ranges>
#include <string>
#include <string_view>

#include "tasks/write/format_text.h"

namespace costeff::tasks {

// Appends JSON to a string. The writer sets commas and line breaks; the caller opens and closes
// objects and arrays in pairs, and gives a key before each value in an object. Allocates nothing
// but what *out needs.
//
// Numbers: a float is written as append_float does ("1", "1e-07"), a double so that it reads back
// as a double ("1.0", "1e-07"); null where they are not finite. Strings, keys too, are always UTF-8
// (append_json_string).
class JsonWriter {
 public:
  static constexpr int kCompact = -1;

  // indent: blanks a level; every value then has a line of its own. kCompact: no white space.
  explicit JsonWriter(std::string* out, int indent = kCompact) : out_(out), indent_(indent) {}

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }

  // A key that is a literal, of characters that need no escapes; the compiler checks that. It holds
  // the text with all that stands around it, so that a row's keys are appended in one piece each.
  struct Key {
    template <size_t N>
    consteval Key(const char (&literal)[N]) : size(N + 3) {  // NOLINT: implicit
      char* end = piece;
      for (const char c : {',', '"'}) *end++ = c;
      for (const char c : std::string_view(literal, N - 1)) {
        if (c < ' ' || c > '~' || c == '"' || c == '\\') throw "this key needs escapes";
        *end++ = c;
      }
      for (const char c : {'"', ':'}) *end++ = c;
    }
    std::string_view text() const { return {piece + 2, size - 4}; }
    char piece[32] = {};  // ,"name":
    size_t size;
  };
  [[gnu::always_inline]] void key(const Key& name) {
    if (indent_ >= 0) return key_text(name.text());
    const size_t skipped = place_ == Place::next ? 0 : 1;
    out_->append(name.piece + skipped, name.size - skipped);
    place_ = Place::after_key;
  }
  // Any key.
  void key_text(std::string_view name) {
    separate();
    append_json_string(name, out_);
    out_->append(indent_ < 0 ? ":" : ": ");
    place_ = Place::after_key;
  }

  void value(std::string_view text) {
    separate();
    append_json_string(text, out_);
  }
  void value(float number) {
    separate();
    append_json_float(number, out_);
  }
  void value(double number);
  template <std::integral T>
  void value(T number) {
    if constexpr (std::same_as<T, bool>) {
      raw(number ? "true" : "false");
    } else {
      separate();
      char digits[24];
      const char* end = std::to_chars(digits, digits + sizeof digits, number).ptr;
      out_->append(digits, static_cast<size_t>(end - digits));
    }
  }
  // An array of the values.
  template <std::ranges::contiguous_range R>
  requires(!std::convertible_to<const R&, std::string_view>) void value(const R& values) {
    begin_array();
    for (const auto& v : values) value(v);
    end_array();
  }
  void null() { raw("null"); }
  // An id or a kept value in the form of row_id.h.
  void stored(std::string_view stored);
  // JSON text, as it is.
  void raw(std::string_view json) {
    separate();
    out_->append(json);
  }

  template <typename T>
  void field(const Key& name, const T& v) {
    key(name);
    value(v);
  }
  void null_field(const Key& name) {
    key(name);
    null();
  }
  // null where the text is empty.
  void optional_field(const Key& name, std::string_view text) {
    key(name);
    text.empty() ? null() : value(text);
  }
  void begin_object(const Key& name) {
    key(name);
    begin_object();
  }
  void begin_array(const Key& name) {
    key(name);
    begin_array();
  }

 private:
  enum class Place { first, next, after_key };  // of what is written next, in its object or array

  void separate() {
    if (place_ == Place::next) out_->push_back(',');
    if (indent_ >= 0 && place_ != Place::after_key && depth_ > 0) break_line();
    place_ = Place::next;
  }
  void open(char bracket) {
    separate();
    out_->push_back(bracket);
    ++depth_;
    place_ = Place::first;
  }
  void close(char bracket) {
    --depth_;
    if (indent_ >= 0 && place_ != Place::first) break_line();
    out_->push_back(bracket);
    place_ = Place::next;
  }
  void break_line();

  std::string* out_;
  int indent_;
  int depth_ = 0;
  Place place_ = Place::first;
};

}  // namespace costeff::tasks
