#include "base/json.h"

#include <unordered_set>
#include <vector>

#include "base/file_bytes.h"
#include "base/utf8.h"

namespace costeff {
namespace {

constexpr int kMaxDepth = 64;

[[noreturn]] void wrong(const Json& value, const char* key, const std::string& expected,
                        const std::string& place, ErrorKind kind) {
  throw Error(kind, place + ": " + key + " is " + json_text(value) + ", expected " + expected);
}

}  // namespace

std::string json_parse_message(const char* what) {
  std::string_view s(what);
  if (const size_t end = s.find("] "); end != std::string_view::npos) s.remove_prefix(end + 2);
  return printable(s, 200);
}

Json parse_json(std::string_view text, const std::string& place, ErrorKind kind) {
  // The parser would take a NUL as the end of the text.
  if (text.find('\0') != std::string_view::npos)
    throw Error(kind, place + ": holds a NUL byte, expected JSON");
  if (!is_utf8(text)) throw Error(kind, place + ": not UTF-8, expected JSON in UTF-8");
  std::vector<std::unordered_set<std::string>> keys;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    switch (event) {
      case Json::parse_event_t::object_start:
      case Json::parse_event_t::array_start:
        if (depth >= kMaxDepth) {
          throw Error(kind,
                      place + ": JSON nested deeper than " + std::to_string(kMaxDepth) + " levels");
        }
        if (event == Json::parse_event_t::object_start) keys.emplace_back();
        break;
      case Json::parse_event_t::object_end:
        keys.pop_back();
        break;
      case Json::parse_event_t::key: {
        const auto& key = parsed.get_ref<const std::string&>();
        if (!keys.back().insert(key).second) {
          throw Error(kind, place + ": duplicate key \"" + printable(key, 80) + "\"");
        }
        break;
      }
      default:
        break;
    }
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), watch);
  } catch (const Json::exception& e) {
    throw Error(kind, place + ": not valid JSON: " + json_parse_message(e.what()));
  }
}

Json parse_json_object(std::string_view text, const std::string& place, ErrorKind kind) {
  if (text.empty()) throw Error(kind, place + ": is empty, expected a JSON object");
  Json json = parse_json(text, place, kind);
  if (!json.is_object())
    throw Error(kind, place + ": is " + json_text(json) + ", expected a JSON object");
  return json;
}

Json read_json_object(const std::string& path, ErrorKind kind, uint64_t max_bytes) {
  return parse_json_object(read_file(path, kind, max_bytes), path, kind);
}

std::string json_text(const Json& value) {
  if (value.is_structured() && value.size() > 8)
    return value.is_array() ? "a long list" : "an object";
  return printable(value.dump(-1, ' ', false, Json::error_handler_t::replace), 60);
}

int64_t json_int(const Json& object, const char* key, int64_t fallback, int64_t low, int64_t high,
                 const std::string& place, ErrorKind kind) {
  const auto it = object.find(key);
  if (it == object.end()) return fallback;
  const std::string expected =
      "an integer from " + std::to_string(low) + " to " + std::to_string(high);
  // Unsigned first: get<int64_t> would wrap numbers from 2^63 on.
  if (it->is_number_unsigned()) {
    const uint64_t v = it->get<uint64_t>();
    if (high < 0 || v > static_cast<uint64_t>(high)) wrong(*it, key, expected, place, kind);
  } else if (!it->is_number_integer()) {
    wrong(*it, key, expected, place, kind);
  }
  const int64_t v = it->get<int64_t>();
  if (v < low || v > high) wrong(*it, key, expected, place, kind);
  return v;
}

double json_number(const Json& object, const char* key, double fallback, double low, double high,
                   const std::string& place, ErrorKind kind) {
  const auto it = object.find(key);
  if (it == object.end()) return fallback;
  const std::string expected = "a number from " + Json(low).dump() + " to " + Json(high).dump();
  if (!it->is_number()) wrong(*it, key, expected, place, kind);
  const double v = it->get<double>();
  if (!(v >= low && v <= high)) wrong(*it, key, expected, place, kind);
  return v;
}

bool json_bool(const Json& object, const char* key, bool fallback, const std::string& place,
               ErrorKind kind) {
  const auto it = object.find(key);
  if (it == object.end()) return fallback;
  if (!it->is_boolean()) wrong(*it, key, "true or false", place, kind);
  return it->get<bool>();
}

std::optional<std::string> json_string(const Json& object, const char* key,
                                       const std::string& place, ErrorKind kind) {
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return std::nullopt;
  if (!it->is_string()) wrong(*it, key, "a string", place, kind);
  return it->get<std::string>();
}

}  // namespace costeff
