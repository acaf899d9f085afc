#include "tasks/read/jsonl_field_names.h"

namespace costeff::tasks {

std::vector<std::string> jsonl_field_names(std::string_view json, JsonLexer* lexer,
                                           std::string* rows) {
  std::vector<std::string> names;
  lexer->begin_row(json, "", 1);
  lexer->next();
  for (JsonToken t = lexer->next(); t == JsonToken::key; t = lexer->next()) {
    const std::string name = lexer->text();
    t = lexer->next();
    if (t != JsonToken::object_begin) {
      names.push_back(name);
      if (t == JsonToken::array_begin && rows->empty()) {
        t = lexer->next();
        if (t == JsonToken::object_begin) *rows = name;
        while (t != JsonToken::array_end) {
          lexer->skip(t);
          t = lexer->next();
        }
      } else {
        lexer->skip(t);
      }
      continue;
    }
    for (t = lexer->next(); t == JsonToken::key; t = lexer->next()) {
      names.push_back(name + "." + lexer->text());
      lexer->skip(lexer->next());
    }
  }
  return names;
}

}  // namespace costeff::tasks
