#pragma once

// Large JSON headers (500,000 tensors, a million shards) are read event by event; a DOM of them
// would take twenty times the text. A handler has one function, on(JsonEvent), and throws on what
// it does not expect, so that nesting is bounded by the handler's own states.

#include <costeff/error.h>

#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/utf8.h"

namespace costeff::checkpoint {

enum class JsonKind {
  null,
  boolean,
  unsigned_int,  // without sign, fraction or exponent, below 2^64
  other_number,
  string,
  key,
  object_begin,
  object_end,
  array_begin,
  array_end
};

struct JsonEvent {
  JsonKind kind;
  std::string* text = nullptr;  // string, key: may be moved from
  uint64_t number = 0;          // unsigned_int
};

// "a number", "null", ...: for "found X, expected Y".
inline std::string json_event_text(const JsonEvent& e) {
  switch (e.kind) {
    case JsonKind::null:
      return "null";
    case JsonKind::boolean:
      return "a boolean";
    case JsonKind::unsigned_int:
      return "the number " + std::to_string(e.number);
    case JsonKind::other_number:
      return "a number that is negative, not whole or above 2^64";
    case JsonKind::string:
    case JsonKind::key:
      return "the string \"" + printable(*e.text, 60) + "\"";
    case JsonKind::object_begin:
    case JsonKind::object_end:
      return "an object";
    case JsonKind::array_begin:
    case JsonKind::array_end:
      return "a list";
  }
  return "";
}

// The interface nlohmann's SAX parser asks for.
template <typename Handler>
struct JsonSax {
  Handler& handler;
  std::string place;

  bool emit(JsonEvent e) {
    handler.on(e);
    return true;
  }
  bool null() { return emit({JsonKind::null}); }
  bool boolean(bool) { return emit({JsonKind::boolean}); }
  bool number_integer(int64_t) { return emit({JsonKind::other_number}); }
  bool number_unsigned(uint64_t v) { return emit({JsonKind::unsigned_int, nullptr, v}); }
  bool number_float(double, const std::string&) { return emit({JsonKind::other_number}); }
  bool string(std::string& s) { return emit({JsonKind::string, &s}); }
  bool binary(nlohmann::json::binary_t&) { return false; }
  bool start_object(size_t) { return emit({JsonKind::object_begin}); }
  bool key(std::string& s) { return emit({JsonKind::key, &s}); }
  bool end_object() { return emit({JsonKind::object_end}); }
  bool start_array(size_t) { return emit({JsonKind::array_begin}); }
  bool end_array() { return emit({JsonKind::array_end}); }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception& e) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    std::string_view what(e.what());
    if (const size_t end = what.find("] "); end != std::string_view::npos)
      what.remove_prefix(end + 2);
    throw_model(place + "not valid JSON: " + printable(what, 200));
  }
};

// Feeds all of `text` to the handler. `place` begins messages ("m/model.safetensors: header: ").
template <typename Handler>
void read_json_events(std::string_view text, const std::string& place, Handler& handler) {
  // nlohmann takes a NUL for the end of the text and would accept whatever comes after it.
  if (std::memchr(text.data(), 0, text.size())) {
    throw_model(place + "not valid JSON: it holds a NUL byte");
  }
  JsonSax<Handler> sax{handler, place};
  nlohmann::json::sax_parse(text.data(), text.data() + text.size(), &sax);
}

}  // namespace costeff::checkpoint
