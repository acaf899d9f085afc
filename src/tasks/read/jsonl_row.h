#pragma once

#include <costeff/result.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/lines/json_lexer.h"
#include "tasks/read/input_options.h"

namespace costeff::tasks {

// A field that is looked for in each row, and its value in the current one.
struct JsonField {
  enum class Kind { absent, null, string, number, not_finite, boolean, array, object };
  std::string name;
  Kind kind = Kind::absent;
  std::string text;            // string: its value; number, boolean: as written
  std::vector<int32_t> items;  // of an array, if wants_items
  bool wants_items = false;
  int64_t depth = 0;  // of objects that the value is in: a key with a dot goes before a nested one
  std::string fault;  // why the value cannot be used; empty: it can
};

// Rows of JSONL. Only the fields asked for are kept and nothing is built from the rest, so that a
// row takes memory in proportion to its line. Fields that are not used may hold anything that
// json_lexer.h reads. A field that is used is refused if it comes twice, or holds half of a
// surrogate pair or bytes that are not UTF-8.
//
// A name is that of a field of the row or, with dots, of a field inside objects: "data.text". If
// the row also has a field "data.text", that one counts.
//
// - input_ids, if present, go before the text unless text_field names another field: they are more
//   exact.
// - The text is text_field, else the task's names, else `text`, else `text_a` and `text_b`, else a
//   usual name (columns.h). Among these a null is an empty text, but counts only if there is
//   nothing better. In text_field, which is asked for by name, null is refused.
// - A pair that is null or absent means that there is none. Names that always stand for pairs need
//   one: null is then an empty text. "" is always an empty text.
class JsonlRows {
 public:
  explicit JsonlRows(const InputOptions& options);

  // Fills in the texts or ids, `gold` if it is asked for, and `id` (empty if the row has none).
  // `line`: the line in which the row begins. Throws Error(input) that begins "name:line: " and
  // names the field.
  void parse(std::string_view json, std::string_view name, int64_t line, Example* row);

  // Throws Error(input) if the row lacks a field of InputOptions::keep. For the first row of a
  // file, where this is probably a misspelt name; later rows may leave fields out.
  void check_kept(std::string_view json, std::string_view name, int64_t line) const;

 private:
  struct TextNames {
    size_t text = 0, pair = 0;   // into fields_
    bool pair_required = false;  // without it the row is an error
    bool pair_chooses = false;   // without it these names are not the ones to use
  };
  static constexpr size_t kNone = static_cast<size_t>(-1);

  size_t field(std::string_view name, bool wants_items = false);
  void add_texts(std::string_view text, std::string_view pair, const InputOptions& options,
                 TextNames names);
  bool leads_to_field(std::string_view path) const;
  void read_object(size_t path_size, int64_t depth);
  void read_value(JsonField* field, JsonToken first, int64_t depth);
  void read_items(JsonField* field);
  void check_usable(const JsonField& field) const;
  [[noreturn]] void fail(const std::string& what) const;
  [[noreturn]] void wrong_kind(const JsonField& field, const char* expected) const;
  [[noreturn]] void fail_without_text(std::string_view json);

  void fill_id(Example* row) const;
  void fill_ids(Example* row) const;
  void fill_texts(std::string_view json, Example* row);
  void fill_gold(std::string_view json, Example* row);
  void fill_gold_list(std::string_view json, const std::string& name, Example* row);
  void fill_kept(std::string_view json, Example* row);

  std::vector<JsonField> fields_;
  std::vector<TextNames> texts_;
  std::vector<size_t> golds_;  // into fields_: the first in the row counts; empty: not asked for
  std::vector<std::string> kept_;  // names of fields
  std::vector<std::string_view> values_;
  std::string unescaped_;
  size_t ids_ = kNone, types_ = kNone, id_ = kNone;
  bool ids_only_ = false, id_required_ = false, named_ = false;
  const Task* task_ = nullptr;

  // Of the current row.
  JsonLexer lexer_;
  std::string path_;  // "data.text"
  std::string_view name_;
  int64_t line_ = 0;
};

}  // namespace costeff::tasks
