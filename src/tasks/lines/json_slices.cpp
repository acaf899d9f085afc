#include "tasks/lines/json_slices.h"

#include <charconv>
#include <cstdint>

#include "base/utf8.h"

namespace costeff::tasks {
namespace {

constexpr std::string_view kJsonSpace = " \t\r\n";

size_t after_space(std::string_view text, size_t at) {
  return std::min(text.find_first_not_of(kJsonSpace, at), text.size());
}

// The end of the string that begins at text[at].
size_t after_string(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

// The end of the value that begins at text[at].
size_t after_value(std::string_view text, size_t at) {
  if (at >= text.size()) return text.size();
  if (text[at] == '"') return after_string(text, at);
  if (text[at] != '{' && text[at] != '[') {
    return std::min(text.find_first_of(",]} \t\r\n", at), text.size());
  }
  int64_t depth = 0;
  while (at < text.size()) {
    if (text[at] == '"') {
      at = after_string(text, at);
      continue;
    }
    if (text[at] == '{' || text[at] == '[') ++depth;
    if (text[at] == '}' || text[at] == ']') --depth;
    ++at;
    if (depth == 0) break;
  }
  return at;
}

// One field of an object, as written.
struct SlicedField {
  std::string_view key, value;
};

// The next field of an object. *at, where to go on, is at first the place after the opening brace.
// false: there are no more.
bool next_field(std::string_view object, size_t* at, SlicedField* field) {
  size_t begin = after_space(object, *at);
  if (begin < object.size() && object[begin] == ',') begin = after_space(object, begin + 1);
  if (begin >= object.size() || object[begin] != '"') return false;
  size_t end = after_string(object, begin);
  field->key = object.substr(begin, end - begin);
  begin = after_space(object, std::min(object.find(':', end), object.size() - 1) + 1);
  end = after_value(object, begin);
  field->value = object.substr(begin, end - begin);
  *at = end;
  return true;
}

bool key_is(std::string_view key, std::string_view name) {
  if (key.find('\\') == std::string_view::npos) return key.substr(1, key.size() - 2) == name;
  std::string plain;
  unescape_json_string(key, &plain);
  return plain == name;
}

bool is_object(std::string_view value) { return value.starts_with('{'); }

size_t first_field(std::string_view object) { return after_space(object, 0) + 1; }

std::string_view find_value(std::string_view object, std::string_view name) {
  std::string_view found;
  SlicedField field;
  for (size_t at = first_field(object); next_field(object, &at, &field);) {
    if (key_is(field.key, name)) found = field.value;
  }
  for (size_t dot = name.find('.'); found.empty() && dot != std::string_view::npos;
       dot = name.find('.', dot + 1)) {
    for (size_t at = first_field(object); next_field(object, &at, &field);) {
      if (!is_object(field.value) || !key_is(field.key, name.substr(0, dot))) continue;
      found = find_value(field.value, name.substr(dot + 1));
    }
  }
  return found;
}

uint32_t hex_digits(std::string_view text) {
  uint32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

// The code point of \uXXXX, where text[*at] is the 'u'; *at moves to its last digit.
uint32_t unicode_escape(std::string_view text, size_t* at) {
  const uint32_t first = hex_digits(text.substr(*at + 1, 4));
  *at += 4;
  if (first < 0xD800 || first > 0xDFFF) return first;
  const std::string_view next = text.substr(std::min(*at + 1, text.size()), 6);
  if (first > 0xDBFF || next.size() < 6 || !next.starts_with("\\u")) return kReplacement;
  const uint32_t second = hex_digits(next.substr(2));
  if (second < 0xDC00 || second > 0xDFFF) return kReplacement;
  *at += 6;
  return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
}

// The end of NaN, Infinity or -Infinity at text[at]; `at` if something else is there.
size_t after_not_finite(std::string_view text, size_t at) {
  for (const std::string_view word : {"NaN", "Infinity", "-Infinity"}) {
    if (text.substr(at).starts_with(word)) return at + word.size();
  }
  return at;
}

}  // namespace

void find_json_values(std::string_view object, std::span<const std::string> names,
                      std::vector<std::string_view>* values) {
  values->clear();
  for (const std::string& name : names) values->push_back(find_value(object, name));
}

std::vector<std::string> json_keys(std::string_view object) {
  std::vector<std::string> keys;
  SlicedField field;
  for (size_t at = first_field(object); next_field(object, &at, &field);) {
    unescape_json_string(field.key, &keys.emplace_back());
  }
  return keys;
}

void unescape_json_string(std::string_view string, std::string* out) {
  out->clear();
  const std::string_view text = string.substr(1, string.size() - 2);
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 1 == text.size()) {
      out->push_back(text[at]);
      continue;
    }
    switch (text[++at]) {
      case 'b':
        out->push_back('\b');
        break;
      case 'f':
        out->push_back('\f');
        break;
      case 'n':
        out->push_back('\n');
        break;
      case 'r':
        out->push_back('\r');
        break;
      case 't':
        out->push_back('\t');
        break;
      case 'u':
        append_utf8(unicode_escape(text, &at), out);
        break;
      default:
        out->push_back(text[at]);  // a quote, a slash, a backslash
    }
  }
}

void append_compact_json(std::string_view value, std::string* out) {
  for (size_t at = after_space(value, 0); at < value.size(); at = after_space(value, at)) {
    if (value[at] == '"') {
      const size_t end = after_string(value, at);
      out->append(value, at, end - at);
      at = end;
    } else if (const size_t end = after_not_finite(value, at); end > at) {
      out->append("null");
      at = end;
    } else {
      out->push_back(value[at++]);
    }
  }
}

}  // namespace costeff::tasks
