#include "base/json/json.h"

#include <utility>
#include <vector>

#include "base/fail.h"
#include "base/files/file_bytes.h"
#include "base/json/json_events.h"
#include "base/utf8.h"

namespace costeff {
namespace {

[[noreturn]] void wrong(const Json& value, const char* key, const std::string& expected,
                        const std::string& place, ErrorKind kind) {
  fail(kind, "{}: {} is {}, expected {}", place, key, json_text(value), expected);
}

// Builds the tree of a text.
class TreeBuilder {
 public:
  TreeBuilder(const std::string& place, ErrorKind kind) : place_(place), kind_(kind) {}

  void on(const JsonEvent& e) {
    switch (e.kind) {
      case JsonKind::null:
        add(nullptr);
        return;
      case JsonKind::boolean:
        add(e.boolean);
        return;
      case JsonKind::unsigned_int:
        add(e.unsigned_int);
        return;
      case JsonKind::negative_int:
        add(e.negative_int);
        return;
      case JsonKind::real:
        add(e.real);
        return;
      case JsonKind::string:
        add(std::move(*e.text));
        return;
      case JsonKind::key:
        begin_member(*e.text);
        return;
      case JsonKind::object_begin:
        open_.push_back(add(Json::object()));
        return;
      case JsonKind::array_begin:
        open_.push_back(add(Json::array()));
        return;
      case JsonKind::object_end:
      case JsonKind::array_end:
        open_.pop_back();
        return;
    }
  }

  Json root;

 private:
  void begin_member(std::string& key) {
    const auto [it, fresh] = open_.back()->emplace(std::move(key), nullptr);
    if (!fresh) fail(kind_, "{}: duplicate key \"{}\"", place_, printable(it.key(), 80));
    member_ = &*it;
  }

  // Returns where the value is kept while it is open.
  Json* add(Json value) {
    if (!open_.empty() && open_.back()->is_array()) {
      open_.back()->push_back(std::move(value));
      return &open_.back()->back();
    }
    Json* slot = open_.empty() ? &root : member_;
    *slot = std::move(value);
    return slot;
  }

  const std::string& place_;
  const ErrorKind kind_;
  std::vector<Json*> open_;  // the objects and lists around the next value, from the outside in
  Json* member_ = nullptr;   // of the innermost object: the value of the key read last
};

}  // namespace

Json parse_json(std::string_view text, const std::string& place, ErrorKind kind) {
  if (!is_utf8(text)) fail(kind, "{}: not UTF-8, expected JSON in UTF-8", place);
  TreeBuilder builder(place, kind);
  read_json_events(text, place, kind, builder);
  return std::move(builder.root);
}

Json parse_json_object(std::string_view text, const std::string& place, ErrorKind kind) {
  if (text.empty()) fail(kind, "{}: is empty, expected a JSON object", place);
  Json json = parse_json(text, place, kind);
  if (!json.is_object()) fail(kind, "{}: is {}, expected a JSON object", place, json_text(json));
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
  const std::string expected = fmt::format("an integer from {} to {}", low, high);
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
  const std::string expected =
      fmt::format("a number from {} to {}", Json(low).dump(), Json(high).dump());
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
