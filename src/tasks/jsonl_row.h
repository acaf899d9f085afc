#pragma once

#include <costeff/result.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/input_options.h"

namespace costeff::tasks {

// One value of a row that was looked for.
struct JsonField {
  enum class Kind { absent, null, string, number, boolean, array, object };
  std::string name;
  Kind kind = Kind::absent;
  std::string text;            // string: its value; number, boolean: as written
  std::vector<int32_t> items;  // of an array, where `wants_items`
  bool wants_items = false;
};

// Rows of JSONL. Only the fields asked for are kept, nothing is built of the rest, so that a row
// takes memory in proportion to its line. Refused: nesting over 64 levels, a field asked for that
// comes twice, bytes that are not UTF-8.
//
// input_ids, where present, go before the text unless text_field names another field: they are the
// more exact form. The text is text_field, else the task's names, else `text`, else `text_a` and
// `text_b`. A pair that is null or absent is none (a task's pair must be there); "" is one.
class JsonlRows {
 public:
  explicit JsonlRows(const InputOptions& options);

  // Fills texts or ids, `gold` if it is asked for, and `id` if the row has one (else it is left
  // empty). Throws Error(input) that begins "name:line: " and names the field.
  void parse(std::string_view json, std::string_view name, int64_t line, Example* row);

  // Throws Error(input) for a row that lacks a field of InputOptions::keep: asked of the first row
  // of a file, where it is a slip of the pen; later rows may leave one out.
  void check_kept(std::string_view json, std::string_view name, int64_t line) const;

 private:
  struct TextNames {
    size_t text = 0, pair = 0;  // into fields_
    bool pair_required = false;
  };
  size_t field(std::string_view name, bool wants_items = false);
  void take_ids(std::string_view name, int64_t line, Example* row) const;
  void take_texts(std::string_view name, int64_t line, Example* row) const;
  void take_gold(std::string_view name, int64_t line, Example* row) const;
  void take_kept(std::string_view json, Example* row);

  std::vector<JsonField> fields_;
  std::vector<TextNames> texts_;
  std::vector<size_t>
      golds_;  // into fields_: the first that a row has counts; empty: not asked for
  std::vector<std::string> kept_;  // names of fields
  std::vector<std::string_view> values_;
  std::string unescaped_;
  size_t ids_ = kNone, types_ = kNone, id_ = kNone;
  bool ids_only_ = false, id_required_ = false;
  static constexpr size_t kNone = static_cast<size_t>(-1);
};

}  // namespace costeff::tasks
