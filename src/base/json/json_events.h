#pragma once

// JSON read event by event: the one way in which untrusted JSON is parsed. Large headers (500,000
// tensors, a million shards) need no tree, which would take twenty times the text; parse_json()
// builds one for the rest.

#include <costeff/error.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/fail.h"

namespace costeff {

// Objects and lists around a value, at most.
inline constexpr int kMaxJsonDepth = 64;

enum class JsonKind {
  null,
  boolean,
  unsigned_int,  // without sign, fraction or exponent, below 2^64
  negative_int,  // down to -2^63
  real,          // every other number
  string,
  key,
  object_begin,
  object_end,
  array_begin,
  array_end
};

struct JsonEvent {
  JsonKind kind;
  int depth = 0;                // objects and lists around the value; of an end: around the whole
  std::string* text = nullptr;  // string, key: may be moved from
  bool boolean = false;         // the values of the kinds of these names
  uint64_t unsigned_int = 0;
  int64_t negative_int = 0;
  double real = 0;
};

// "a boolean", "null", ...: for "found X, expected Y".
std::string json_event_text(const JsonEvent& event);

// The readable part of a parser exception's text, which begins "[json.exception.parse_error.101] ".
std::string json_parse_message(const char* what);

// The interface that nlohmann's SAX parser asks for.
template <typename Handler>
struct JsonSax {
  Handler& handler;
  const std::string& place;
  ErrorKind error_kind;
  int depth = 0;

  bool emit(JsonEvent e) {
    e.depth = depth;
    handler.on(e);
    return true;
  }
  bool begin(JsonKind kind) {
    if (depth >= kMaxJsonDepth) {
      fail(error_kind, "{}: JSON nested deeper than {} levels", place, kMaxJsonDepth);
    }
    emit({kind});
    ++depth;
    return true;
  }
  bool end(JsonKind kind) {
    --depth;
    return emit({kind});
  }
  bool null() { return emit({JsonKind::null}); }
  bool boolean(bool v) { return emit({.kind = JsonKind::boolean, .boolean = v}); }
  bool number_unsigned(uint64_t v) {
    return emit({.kind = JsonKind::unsigned_int, .unsigned_int = v});
  }
  bool number_integer(int64_t v) {
    return emit({.kind = JsonKind::negative_int, .negative_int = v});
  }
  bool number_float(double v, const std::string&) {
    return emit({.kind = JsonKind::real, .real = v});
  }
  bool string(std::string& s) { return emit({.kind = JsonKind::string, .text = &s}); }
  bool binary(nlohmann::json::binary_t&) { return false; }  // not in text
  bool start_object(size_t) { return begin(JsonKind::object_begin); }
  bool key(std::string& s) { return emit({.kind = JsonKind::key, .text = &s}); }
  bool end_object() { return end(JsonKind::object_end); }
  bool start_array(size_t) { return begin(JsonKind::array_begin); }
  bool end_array() { return end(JsonKind::array_end); }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception& e) {
    fail(error_kind, "{}: not valid JSON: {}", place, json_parse_message(e.what()));
  }
};

// Feeds all of `text` to handler.on(JsonEvent), which throws on what it does not expect. `place`
// begins messages ("m/model.safetensors: header"). Throws Error(kind) on text that is not JSON or
// is nested too deeply. Keys may come twice: the handler knows whether that matters.
template <typename Handler>
void read_json_events(std::string_view text, const std::string& place, ErrorKind kind,
                      Handler& handler) {
  // nlohmann takes a NUL for the end of the text and would accept whatever comes after it.
  if (text.find('\0') != text.npos) fail(kind, "{}: holds a NUL byte, expected JSON", place);
  JsonSax<Handler> sax{handler, place, kind};
  nlohmann::json::sax_parse(text.begin(), text.end(), &sax);
}

}  // namespace costeff
