#pragma once

#include <costeff/error.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace costeff {

using Json = nlohmann::json;

// Parses untrusted JSON: nesting is limited to 64 levels; duplicate keys and bytes that are not
// UTF-8 are refused. `place` begins the message
// ("m/config.json", "dev.jsonl:12").
Json parse_json(std::string_view text, const std::string& place, ErrorKind kind);

// The readable part of a parser exception's text, which begins "[json.exception.parse_error.101] ".
std::string json_parse_message(const char* what);

// The same for a text that must be an object.
Json parse_json_object(std::string_view text, const std::string& place, ErrorKind kind);
// read_file + parse_json_object
Json read_json_object(const std::string& path, ErrorKind kind, uint64_t max_bytes = 16u << 20);

// Typed access to the keys of an object that came from `place`. An absent key gives the default;
// one of the wrong type or out of range is an Error that names the key, what is there and what is
// expected. null counts as a wrong type unless said otherwise.
int64_t json_int(const Json& object, const char* key, int64_t fallback, int64_t low, int64_t high,
                 const std::string& place, ErrorKind kind);
double json_number(const Json& object, const char* key, double fallback, double low, double high,
                   const std::string& place, ErrorKind kind);
bool json_bool(const Json& object, const char* key, bool fallback, const std::string& place,
               ErrorKind kind);
// null: absent
std::optional<std::string> json_string(const Json& object, const char* key,
                                       const std::string& place, ErrorKind kind);

// A value for a message: its JSON text, cut at 60 bytes.
std::string json_text(const Json& value);

}  // namespace costeff
