#pragma once

// Typed access to the parts of a tokenizer.json, with errors that name the part.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fail.h"
#include "base/json/json.h"

namespace costeff::text {

// An object of the file and what to call it: "m/tokenizer.json: model".
struct JsonPart {
  const Json& json;
  std::string place;

  // Throws Error(model) if `value` is not an object; the functions below throw it if the value is
  // missing or wrong.
  JsonPart(const Json& value, std::string where);

  bool has(const char* key) const { return json.contains(key) && !json[key].is_null(); }
  const Json& at(const char* key) const;  // must be there
  JsonPart part(const char* key) const { return {at(key), place + ": " + key}; }
  std::string string(const char* key) const;
  std::string string_or(const char* key, const char* fallback) const;
  bool flag(const char* key, bool fallback) const;
  int64_t integer(const char* key, int64_t low, int64_t high) const;
  const Json& list(const char* key) const;
  [[noreturn]] void unsupported(std::string_view what, std::string_view expected) const;
};

// Calls each(part); for a Sequence, calls it for each element of its list `key` instead, in order
// and however deep.
template <typename Each>
void for_each_in_sequence(const JsonPart& part, const char* key, Each&& each) {
  if (part.string("type") != "Sequence") return each(part);
  const Json& list = part.list(key);
  for (size_t i = 0; i < list.size(); ++i) {
    for_each_in_sequence(JsonPart(list[i], fmt::format("{}[{}]", part.place, i)), key, each);
  }
}

}  // namespace costeff::text
