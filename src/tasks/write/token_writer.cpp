#include "tasks/write/token_writer.h"

#include <costeff/error.h>

#include <array>

#include "base/names.h"
#include "base/utf8.h"
#include "tasks/lines/row_id.h"
#include "tasks/write/format_text.h"

namespace costeff::tasks {
namespace {

constexpr std::array<Name<TokenFormat>, 4> kTokenFormats{{{"text", TokenFormat::text},
                                                          {"tsv", TokenFormat::tsv},
                                                          {"jsonl", TokenFormat::jsonl},
                                                          {"json", TokenFormat::jsonl}}};

// [x,y,...] of append_one(i).
template <typename F>
void append_list(const char* key, size_t count, F append_one, std::string* out) {
  out->append(",\"").append(key).append("\":[");
  for (size_t i = 0; i < count; ++i) {
    if (i) out->push_back(',');
    append_one(i);
  }
  out->push_back(']');
}

void append_pair(const TokenOffsets& o, std::string* out) {
  out->push_back('[');
  append_int(o.begin, out);
  out->push_back(',');
  append_int(o.end, out);
  out->push_back(']');
}

void append_json(const Example& row, const Tokens& t, std::span<const std::string> names,
                 std::string* out) {
  out->append("{\"id\":");
  if (is_text_id(row.id)) {
    append_json_string(plain_id(row.id), out);
  } else {
    out->append(row.id.empty() ? "null" : row.id);
  }
  append_list(
      "tokens", names.size(), [&](size_t i) { append_json_string(names[i], out); }, out);
  append_list(
      "input_ids", t.ids.size(), [&](size_t i) { append_int(t.ids[i], out); }, out);
  append_list(
      "token_type_ids", t.type_ids.size(), [&](size_t i) { append_int(t.type_ids[i], out); }, out);
  if (!row.has_ids) {
    const auto sequence = [&](size_t i) {
      if (t.text[i] < 0) {
        out->append("null");
      } else {
        append_int(t.text[i], out);
      }
    };
    append_list("sequence_ids", t.text.size(), sequence, out);
    append_list(
        "byte_offsets", t.bytes.size(), [&](size_t i) { append_pair(t.bytes[i], out); }, out);
    append_list(
        "char_offsets", t.chars.size(), [&](size_t i) { append_pair(t.chars[i], out); }, out);
  }
  out->append("}\n");
}

void append_names(std::span<const std::string> names, std::string* out) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (i) out->push_back(' ');
    append_tsv_field(names[i], out);
  }
}

void append_tsv(const Example& row, const Tokens& t, std::span<const std::string> names,
                std::string* out) {
  append_tsv_field(plain_id(row.id), out);
  out->push_back('\t');
  append_names(names, out);
  out->push_back('\t');
  for (size_t i = 0; i < t.ids.size(); ++i) {
    if (i) out->push_back(' ');
    append_int(t.ids[i], out);
  }
  out->push_back('\t');
  for (size_t i = 0; i < t.bytes.size(); ++i) {
    if (i) out->push_back(' ');
    if (t.text[i] < 0) {
      out->push_back('-');
      continue;
    }
    out->append(t.text[i] == 0 ? "a:" : "b:");
    append_int(t.bytes[i].begin, out);
    out->push_back('-');
    append_int(t.bytes[i].end, out);
  }
  out->push_back('\n');
}

}  // namespace

TokenFormat token_format_from_name(std::string_view name) {
  return value_of_name(kTokenFormats, name, "output format");
}

void append_token_header(TokenFormat format, std::string* out) {
  if (format == TokenFormat::tsv) out->append("id\ttokens\tinput_ids\toffsets\n");
}

void append_token_row(const Example& row, const Tokens& tokens, std::span<const std::string> names,
                      TokenFormat format, std::string* out) {
  switch (format) {
    case TokenFormat::text:
      append_names(names, out);
      out->push_back('\n');
      return;
    case TokenFormat::tsv:
      return append_tsv(row, tokens, names, out);
    case TokenFormat::jsonl:
      return append_json(row, tokens, names, out);
  }
}

}  // namespace costeff::tasks
