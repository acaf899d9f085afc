#include "tasks/write/token_writer.h"

#include <array>

#include "base/names.h"
#include "base/utf8.h"
#include "tasks/lines/row_id.h"
#include "tasks/write/format_text.h"
#include "tasks/write/json_writer.h"

namespace costeff::tasks {
namespace {

constexpr std::array<Name<TokenFormat>, 4> kTokenFormats{{{"text", TokenFormat::text},
                                                          {"tsv", TokenFormat::tsv},
                                                          {"jsonl", TokenFormat::jsonl},
                                                          {"json", TokenFormat::jsonl}}};

void write_offsets(const JsonWriter::Key& name, std::span<const TokenOffsets> offsets,
                   JsonWriter* json) {
  json->begin_array(name);
  for (const TokenOffsets& o : offsets) {
    json->begin_array();
    json->value(o.begin);
    json->value(o.end);
    json->end_array();
  }
  json->end_array();
}

void append_json(const Example& row, const Tokens& t, std::span<const std::string> names,
                 std::string* out) {
  JsonWriter json(out);
  json.begin_object();
  json.key("id");
  json.stored(row.id);
  json.field("tokens", names);
  json.field("input_ids", t.ids);
  json.field("token_type_ids", t.type_ids);
  if (!row.has_ids) {
    json.begin_array("sequence_ids");
    for (const auto text : t.text) text < 0 ? json.null() : json.value(text);
    json.end_array();
    write_offsets("byte_offsets", t.bytes, &json);
    write_offsets("char_offsets", t.chars, &json);
  }
  json.end_object();
  out->push_back('\n');
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
