#include "tasks/jsonl_row.h"

#include <limits>

#include "base/json.h"
#include "base/utf8.h"
#include "tasks/columns.h"
#include "tasks/delimited.h"
#include "tasks/json_slices.h"
#include "tasks/row_id.h"

namespace costeff::tasks {
namespace {

constexpr int kMaxDepth = 64;
constexpr size_t kMaxItems = 1u << 20;  // ids of a row; models take 512 or a few thousand

using Kind = JsonField::Kind;

// A value as a message shows it.
std::string shown(const JsonField& f) {
  switch (f.kind) {
    case Kind::absent:
      return "absent";
    case Kind::null:
      return "null";
    case Kind::string:
      return "\"" + printable(f.text, 40) + "\"";
    case Kind::number:
    case Kind::boolean:
      return printable(f.text, 40);
    case Kind::array:
      return "an array";
    case Kind::object:
      return "an object";
  }
  return "";
}

// Takes the parser's events and keeps the fields asked for of the object at the top.
class RowEvents {
 public:
  RowEvents(std::vector<JsonField>* fields, std::string_view name, int64_t line)
      : fields_(*fields), name_(name), line_(line) {}

  bool null() { return value(Kind::null, "null"); }
  bool boolean(bool v) { return value(Kind::boolean, v ? "true" : "false"); }
  bool number_integer(Json::number_integer_t v) {
    if (depth_ == 2 && items_) return item(v);
    return value(Kind::number, std::to_string(v));
  }
  bool number_unsigned(Json::number_unsigned_t v) {
    if (depth_ == 2 && items_ && v <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return item(static_cast<int64_t>(v));
    }
    return value(Kind::number, std::to_string(v));
  }
  bool number_float(Json::number_float_t, const std::string& text) {
    return value(Kind::number, text);
  }
  bool string(std::string& text) { return value(Kind::string, text); }
  bool binary(Json::binary_t&) { return true; }  // does not occur in text

  bool start_object(size_t) {
    if (depth_ > 0) value(Kind::object, "an object");
    return deeper();
  }
  bool end_object() {
    --depth_;
    return true;
  }
  bool start_array(size_t) {
    value(Kind::array, "an array");
    if (depth_ == 1 && field_ && field_->wants_items) items_ = field_;
    return deeper();
  }
  bool end_array() {
    if (--depth_ == 1) items_ = nullptr;
    return true;
  }
  bool key(std::string& name) {
    if (depth_ != 1) return true;
    field_ = nullptr;
    for (JsonField& f : fields_) {
      if (f.name != name) continue;
      if (f.kind != Kind::absent) fail("field \"" + printable(name, 80) + "\" comes twice");
      field_ = &f;
    }
    return true;
  }
  bool parse_error(size_t, const std::string&, const Json::exception& e) {
    fail("not valid JSON: " + json_parse_message(e.what()));
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw_input(place_text(name_, line_) + ": " + what);
  }

  bool deeper() {
    if (++depth_ > kMaxDepth) {
      fail("JSON nested deeper than " + std::to_string(kMaxDepth) + " levels");
    }
    return true;
  }

  bool value(Kind kind, std::string_view text) {
    if (depth_ == 0) {
      JsonField top{"", kind, std::string(text), {}, false};
      fail("is " + shown(top) + ", expected a JSON object");
    }
    if (depth_ == 2 && items_) {
      JsonField bad{"", kind, std::string(text.substr(0, 80)), {}, false};
      fail(items_->name + " holds " + shown(bad) + ", expected integers");
    }
    if (depth_ == 1 && field_) {
      field_->kind = kind;
      field_->text.assign(text);
    }
    return true;
  }

  bool item(int64_t v) {
    if (v < 0 || v > std::numeric_limits<int32_t>::max()) {
      fail(items_->name + " holds " + std::to_string(v) + ", expected integers from 0 to " +
           std::to_string(std::numeric_limits<int32_t>::max()));
    }
    if (items_->items.size() == kMaxItems) {
      fail(items_->name + " has more than " + std::to_string(kMaxItems) + " numbers");
    }
    items_->items.push_back(static_cast<int32_t>(v));
    return true;
  }

  std::vector<JsonField>& fields_;
  std::string_view name_;
  int64_t line_;
  JsonField* field_ = nullptr;  // whose value comes next, at depth 1
  JsonField* items_ = nullptr;  // whose array is open
  int depth_ = 0;               // objects and arrays open
};

[[noreturn]] void wrong_kind(const JsonField& f, const char* expected, std::string_view name,
                             int64_t line) {
  throw_input(place_text(name, line) + ": field \"" + printable(f.name, 80) + "\" is " + shown(f) +
              ", expected " + expected);
}

}  // namespace

JsonlRows::JsonlRows(const InputOptions& options) {
  ids_only_ = options.text_field == "input_ids";
  if (ids_only_ || options.text_field.empty()) {
    ids_ = field("input_ids", true);
    types_ = field("token_type_ids", true);
  }
  const std::string& pair = options.pair_field;
  const auto add = [&](std::string_view text, std::string_view pair_name, bool required) {
    TextNames names;
    names.text = field(text);
    names.pair = !pair.empty() ? field(pair) : pair_name.empty() ? kNone : field(pair_name);
    names.pair_required = required && pair.empty() && !pair_name.empty();
    texts_.push_back(names);
  };
  if (!options.text_field.empty()) {
    if (!ids_only_) add(options.text_field, "", false);
  } else {
    if (options.task) {
      for (const FieldNames& names : options.task->names) add(names.text, names.pair, true);
    }
    add("text", "", false);
    add("text_a", "text_b", false);
  }
  if (options.want_gold) {
    if (!options.label_field.empty()) {
      golds_.push_back(field(options.label_field));
    } else {
      if (options.task) golds_.push_back(field(options.task->label));
      for (const std::string_view label : label_field_names()) golds_.push_back(field(label));
    }
  }
  for (const KeptColumn& k : options.keep) kept_.push_back(k.field);
  id_required_ = options.id_field && !options.id_field->empty();
  if (!options.id_field || id_required_) id_ = field(options.id_field.value_or("id"));
}

size_t JsonlRows::field(std::string_view name, bool wants_items) {
  for (size_t i = 0; i < fields_.size(); ++i) {
    if (fields_[i].name == name) return i;
  }
  fields_.push_back({std::string(name), Kind::absent, "", {}, wants_items});
  return fields_.size() - 1;
}

void JsonlRows::parse(std::string_view json, std::string_view name, int64_t line, Example* row) {
  for (JsonField& f : fields_) {
    f.kind = Kind::absent;
    f.items.clear();
  }
  if (!is_utf8(json)) {
    throw_input(place_text(name, line) + ": not UTF-8, expected JSON in UTF-8");
  }
  // The parser takes a NUL byte for the end of the text.
  if (json.find('\0') != std::string_view::npos) {
    throw_input(place_text(name, line) + ": not valid JSON: holds a NUL byte");
  }
  RowEvents events(&fields_, name, line);
  Json::sax_parse(json.begin(), json.end(), &events);

  row->id.clear();
  if (id_ != kNone) {
    const JsonField& id = fields_[id_];
    if (id.kind == Kind::string) {
      set_text_id(id.text, &row->id);
    } else if (id.kind == Kind::number || id.kind == Kind::boolean) {
      row->id = id.text;
    } else if (id.kind == Kind::array || id.kind == Kind::object || id_required_) {
      wrong_kind(id, "a string or a number", name, line);
    }
  }
  take_kept(json, row);
  row->gold.clear();
  if (!golds_.empty()) take_gold(name, line, row);
  row->text_a.clear();
  row->text_b.reset();
  row->input_ids.clear();
  row->token_type_ids.clear();
  row->has_ids = false;
  const bool has_ids =
      ids_ != kNone && fields_[ids_].kind != Kind::absent && fields_[ids_].kind != Kind::null;
  if (ids_only_ || has_ids) {
    take_ids(name, line, row);
  } else {
    take_texts(name, line, row);
  }
}

void JsonlRows::take_kept(std::string_view json, Example* row) {
  row->kept.resize(kept_.size());
  if (kept_.empty()) return;
  find_json_values(json, kept_, &values_);
  for (size_t i = 0; i < kept_.size(); ++i) {
    std::string& kept = row->kept[i];
    kept.clear();
    if (values_[i].starts_with('"')) {
      unescape_json_string(values_[i], &unescaped_);
      set_text_id(unescaped_, &kept);
    } else {
      append_compact_json(values_[i], &kept);
      if (kept == "null") kept.clear();
    }
  }
}

void JsonlRows::check_kept(std::string_view json, std::string_view name, int64_t line) const {
  std::vector<std::string_view> values;
  find_json_values(json, kept_, &values);
  for (size_t i = 0; i < kept_.size(); ++i) {
    if (!values[i].empty()) continue;
    const std::vector<std::string> keys = json_keys(json);
    throw_input(place_text(name, line) + ": no field \"" + printable(kept_[i], 80) +
                "\" to keep, the row has " +
                list_columns(std::vector<std::string_view>(keys.begin(), keys.end())));
  }
}

void JsonlRows::take_ids(std::string_view name, int64_t line, Example* row) const {
  const JsonField& ids = fields_[ids_];
  const JsonField& types = fields_[types_];
  if (ids.kind != Kind::array) wrong_kind(ids, "a list of token ids", name, line);
  if (ids.items.empty()) {
    throw_input(place_text(name, line) + ": input_ids is empty, expected at least one id");
  }
  if (types.kind == Kind::array) {
    if (types.items.size() != ids.items.size()) {
      throw_input(place_text(name, line) + ": token_type_ids has " +
                  std::to_string(types.items.size()) + " numbers, input_ids " +
                  std::to_string(ids.items.size()));
    }
    row->token_type_ids = types.items;
  } else if (types.kind != Kind::absent && types.kind != Kind::null) {
    wrong_kind(types, "a list of token types", name, line);
  }
  row->input_ids = ids.items;
  row->has_ids = true;
}

// A string, or a number as it is written, or true or false.
void JsonlRows::take_gold(std::string_view name, int64_t line, Example* row) const {
  const JsonField* found = nullptr;
  for (const size_t i : golds_) {
    if (fields_[i].kind != Kind::absent && !found) found = &fields_[i];
  }
  if (!found) {
    throw_input(place_text(name, line) + ": no field \"" +
                printable(fields_[golds_.front()].name, 80) +
                "\", expected the label there; another name is given with --label-field");
  }
  if (found->kind != Kind::string && found->kind != Kind::number && found->kind != Kind::boolean) {
    wrong_kind(*found, "a label: a string or a number", name, line);
  }
  row->gold = found->text;
}

void JsonlRows::take_texts(std::string_view name, int64_t line, Example* row) const {
  // The first names whose text is there; a null is taken only where there is nothing better.
  const TextNames* chosen = nullptr;
  for (const TextNames& names : texts_) {
    const Kind kind = fields_[names.text].kind;
    if (kind == Kind::absent) continue;
    if (!chosen || fields_[chosen->text].kind == Kind::null) chosen = &names;
  }
  if (!chosen) {
    std::string expected;
    for (const TextNames& names : texts_) {
      expected +=
          (expected.empty() ? "\"" : " or \"") + printable(fields_[names.text].name, 80) + "\"";
    }
    throw_input(place_text(name, line) + ": no field " + expected);
  }
  const JsonField& text = fields_[chosen->text];
  if (text.kind != Kind::string) wrong_kind(text, "a string", name, line);
  row->text_a = text.text;
  if (chosen->pair == kNone) return;
  const JsonField& pair = fields_[chosen->pair];
  if (pair.kind == Kind::string) {
    row->text_b = pair.text;
  } else if (chosen->pair_required || (pair.kind != Kind::absent && pair.kind != Kind::null)) {
    wrong_kind(pair, "a string", name, line);
  }
}

}  // namespace costeff::tasks
