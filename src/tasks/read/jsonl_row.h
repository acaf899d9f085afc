#pragma once

#include <costeff/result.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/lines/json_lexer.h"
#include "tasks/read/input_options.h"

namespace costeff::tasks {

// One value of a row that was looked for.
struct JsonField {
  enum class Kind { absent, null, string, number, not_finite, boolean, array, object };
  std::string name;
  Kind kind = Kind::absent;
  std::string text;            // string: its value; number, boolean: as written
  std::vector<int32_t> items;  // of an array, where `wants_items`
  bool wants_items = false;
  int64_t depth = 0;  // objects that the value is in: a key with a dot goes before a nested one
  std::string fault;  // why the value cannot be used; empty: it can
};

// Rows of JSONL. Only the fields asked for are kept, nothing is built of the rest, so that a row
// takes memory in proportion to its line. What nobody uses may be anything that json_lexer.h takes;
// of the fields that are used, one that comes twice, half of a surrogate pair and bytes that are not
// UTF-8 are refused.
//
// A name is that of a field of the row or, with dots, of one inside of objects: "data.text". Where
// the row has a field "data.text" as well, that one counts.
//
// input_ids, where present, go before the text unless text_field names another field: they are the
// more exact form. The text is text_field, else the task's names, else `text`, else `text_a` and
// `text_b`, else a usual name (columns.h). A null among these is an empty text, but is taken only
// where there is nothing better; a null in text_field, which is asked for by name, is refused. A
// pair that is null or absent is none, unless the names are those of pairs: it must be there then,
// and null is an empty text; "" is one always.
class JsonlRows {
 public:
  explicit JsonlRows(const InputOptions& options);

  // Fills texts or ids, `gold` if it is asked for, and `id` if the row has one (else it is left
  // empty). `line`: the one that the row begins in. Throws Error(input) that begins "name:line: "
  // and names the field.
  void parse(std::string_view json, std::string_view name, int64_t line, Example* row);

  // Throws Error(input) for a row that lacks a field of InputOptions::keep: asked of the first row
  // of a file, where it is a slip of the pen; later rows may leave one out.
  void check_kept(std::string_view json, std::string_view name, int64_t line) const;

 private:
  struct TextNames {
    size_t text = 0, pair = 0;   // into fields_
    bool pair_required = false;  // if it is not there, it is an error
    bool pair_chooses = false;   // if it is not there, these names are not meant
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
  [[noreturn]] void no_text(std::string_view json);

  void take_id(Example* row) const;
  void take_ids(Example* row) const;
  void take_texts(std::string_view json, Example* row);
  void take_gold(Example* row) const;
  void take_kept(std::string_view json, Example* row);

  std::vector<JsonField> fields_;
  std::vector<TextNames> texts_;
  std::vector<size_t>
      golds_;  // into fields_: the first that a row has counts; empty: not asked for
  std::vector<std::string> kept_;  // names of fields
  std::vector<std::string_view> values_;
  std::string unescaped_;
  size_t ids_ = kNone, types_ = kNone, id_ = kNone;
  bool ids_only_ = false, id_required_ = false, named_ = false;
  const Task* task_ = nullptr;

  // Of the row in hand.
  JsonLexer lexer_;
  std::string path_;  // "data.text"
  std::string_view name_;
  int64_t line_ = 0;
};

}  // namespace costeff::tasks
