#pragma once

#include <costeff/result.h>
#include <costeff/tokenizer.h>

#include <span>
#include <string>
#include <string_view>

namespace costeff::tasks {

// Rows of `costeff tokenize`. Lines end in \n.
//
// text   the tokens, separated by blanks
// TSV    id tokens input_ids offsets; blanks separate the values in a column. An offset is
//        a:BEGIN-END or b:BEGIN-END, in bytes of the first or second text, or - for a special token
// JSONL  {"id", "tokens", "input_ids", "token_type_ids", "sequence_ids", "byte_offsets",
//        "char_offsets"}: sequence_ids are 0, 1 or null (special token), char_offsets count code
//        points. A row that came as ids has none of the last three. `costeff infer` reads these
//        rows.
// Control characters of tokens and ids are escaped as in writer.h.
enum class TokenFormat { text, tsv, jsonl };

// "text", "tsv", "jsonl". Throws Error(usage).
TokenFormat token_format_from_name(std::string_view name);

void append_token_header(TokenFormat format, std::string* out);

// names: those of tokens.ids, in order.
void append_token_row(const Example& row, const Tokens& tokens, std::span<const std::string> names,
                      TokenFormat format, std::string* out);

}  // namespace costeff::tasks
