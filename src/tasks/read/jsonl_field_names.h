#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tasks/lines/json_lexer.h"

namespace costeff::tasks {

// For messages: the names of the fields in a row of JSONL, which is known to be valid JSON; for a
// field that is an object, the names of the fields in it ("data.text"). *rows: the first field that
// is a list of objects, which may be the rows that were meant; empty: there is none.
std::vector<std::string> jsonl_field_names(std::string_view json, JsonLexer* lexer,
                                           std::string* rows);

}  // namespace costeff::tasks
