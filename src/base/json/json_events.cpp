#include "base/json/json_events.h"

#include "base/utf8.h"

namespace costeff {

std::string json_event_text(const JsonEvent& e) {
  switch (e.kind) {
    case JsonKind::null:
      return "null";
    case JsonKind::boolean:
      return "a boolean";
    case JsonKind::unsigned_int:
      return fmt::format("the number {}", e.unsigned_int);
    case JsonKind::negative_int:
    case JsonKind::real:
      return "a number that is negative, not whole or above 2^64";
    case JsonKind::string:
    case JsonKind::key:
      return fmt::format("the string \"{}\"", printable(*e.text, 60));
    case JsonKind::object_begin:
    case JsonKind::object_end:
      return "an object";
    case JsonKind::array_begin:
    case JsonKind::array_end:
      return "a list";
  }
  return "";
}

std::string json_parse_message(const char* what) {
  std::string_view s(what);
  if (const size_t end = s.find("] "); end != s.npos) s.remove_prefix(end + 2);
  return printable(s, 200);
}

}  // namespace costeff
