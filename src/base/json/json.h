#pragma once

#include <costeff/error.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace costeff {

using Json = nlohmann::json;

// Parses untrusted JSON, as a tree. Throws Error(kind) if it is nested too deeply (kMaxJsonDepth),
// has an object with a key twice, or is not UTF-8. `place` begins the message ("m/config.json",
// "dev.jsonl:12").
Json parse_json(std::string_view text, const std::string& place, ErrorKind kind);
// The same for a text that must be an object.
Json parse_json_object(std::string_view text, const std::string& place, ErrorKind kind);
// read_file + parse_json_object
Json read_json_object(const std::string& path, ErrorKind kind, uint64_t max_bytes = 16u << 20);

// Typed access to the keys of an object that came from `place`. An absent key gives `fallback`. A
// value of the wrong type or out of range throws an Error that names the key, its value and what is
// expected. null has the wrong type, except for json_string.
int64_t json_int(const Json& object, const char* key, int64_t fallback, int64_t low, int64_t high,
                 const std::string& place, ErrorKind kind);
double json_number(const Json& object, const char* key, double fallback, double low, double high,
                   const std::string& place, ErrorKind kind);
bool json_bool(const Json& object, const char* key, bool fallback, const std::string& place,
               ErrorKind kind);
// nullopt: the key is absent or null.
std::optional<std::string> json_string(const Json& object, const char* key,
                                       const std::string& place, ErrorKind kind);

// A value for a message: its JSON text, cut off after 60 bytes.
std::string json_text(const Json& value);

}  // namespace costeff
