#include "text/json/json_part.h"

#include "base/utf8.h"

namespace costeff::text {

JsonPart::JsonPart(const Json& value, std::string where) : json(value), place(std::move(where)) {
  if (!json.is_object()) fail_model("{} is {}, expected an object", place, json_text(json));
}

const Json& JsonPart::at(const char* key) const {
  if (!has(key)) fail_model("{}: no \"{}\"", place, key);
  return json[key];
}

std::string JsonPart::string(const char* key) const {
  at(key);
  return *json_string(json, key, place, ErrorKind::model);
}

std::string JsonPart::string_or(const char* key, const char* fallback) const {
  return has(key) ? string(key) : fallback;
}

bool JsonPart::flag(const char* key, bool fallback) const {
  return has(key) ? json_bool(json, key, fallback, place, ErrorKind::model) : fallback;
}

int64_t JsonPart::integer(const char* key, int64_t low, int64_t high) const {
  at(key);
  return json_int(json, key, 0, low, high, place, ErrorKind::model);
}

const Json& JsonPart::list(const char* key) const {
  const Json& value = at(key);
  if (!value.is_array()) {
    fail_model("{}: {} is {}, expected a list", place, key, json_text(value));
  }
  return value;
}

void JsonPart::unsupported(std::string_view what, std::string_view expected) const {
  fail_model("{}: {} is not supported, expected {}", place, printable(what, 60), expected);
}

}  // namespace costeff::text
