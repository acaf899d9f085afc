#include "tasks/read/jsonl_row.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/fail.h"
#include "base/json/json.h"
#include "base/utf8.h"
#include "tasks/lines/json_slices.h"
#include "tasks/lines/row_id.h"
#include "tasks/read/columns.h"
#include "tasks/read/jsonl_field_names.h"
#include "tasks/read/no_labels.h"

namespace costeff::tasks {
namespace {

constexpr size_t kMaxItems = 1u << 20;  // ids of a row; models take 512 or a few thousand

using Kind = JsonField::Kind;

// A value as a message shows it.
std::string shown(Kind kind, std::string_view text) {
  switch (kind) {
    case Kind::absent:
      return "absent";
    case Kind::null:
      return "null";
    case Kind::string:
      return fmt::format("\"{}\"", printable(text, 40));
    case Kind::number:
    case Kind::not_finite:
    case Kind::boolean:
      return printable(text, 40);
    case Kind::array:
      return "an array";
    case Kind::object:
      return "an object";
  }
  return "";
}

Kind kind_of(JsonToken token, std::string_view text) {
  switch (token) {
    case JsonToken::object_begin:
    case JsonToken::object_end:
      return Kind::object;
    case JsonToken::array_begin:
    case JsonToken::array_end:
      return Kind::array;
    case JsonToken::key:
    case JsonToken::string:
      return Kind::string;
    case JsonToken::number:  // NaN, Infinity, -Infinity
      return text.ends_with('N') || text.ends_with('y') ? Kind::not_finite : Kind::number;
    case JsonToken::boolean:
      return Kind::boolean;
    case JsonToken::null:
    case JsonToken::end:
      return Kind::null;
  }
  return Kind::absent;
}

bool is_there(const JsonField& f) { return f.kind != Kind::absent; }

}  // namespace

JsonlRows::JsonlRows(const InputOptions& options)
    : named_(!options.text_field.empty()), task_(options.task) {
  ids_only_ = options.text_field == "input_ids";
  if (ids_only_ || !named_) {
    ids_ = field("input_ids", true);
    types_ = field("token_type_ids", true);
  }
  if (named_) {
    if (!ids_only_) add_texts(options.text_field, "", options, {});
  } else {
    if (task_) {
      for (const FieldNames& n : task_->names) {
        add_texts(n.text, n.pair, options, {.pair_required = true});
      }
    }
    add_texts("text", "", options, {});
    add_texts("text_a", "text_b", options, {});
    for (const FieldNames& n : common_field_names()) {
      add_texts(n.text, n.pair, options, {.pair_required = true, .pair_chooses = true});
    }
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
  JsonField& added = fields_.emplace_back();
  added.name = name;
  added.wants_items = wants_items;
  return fields_.size() - 1;
}

// A pair that a flag names replaces the usual one.
void JsonlRows::add_texts(std::string_view text, std::string_view pair, const InputOptions& options,
                          TextNames names) {
  names.text = field(text);
  names.pair = pair.empty() ? kNone : field(pair);
  if (!options.pair_field.empty()) {
    names.pair = field(options.pair_field);
    names.pair_chooses = false;
  }
  names.pair_required = names.pair_required && options.pair_field.empty() && names.pair != kNone;
  names.pair_chooses = names.pair_chooses && names.pair != kNone;
  texts_.push_back(names);
}

void JsonlRows::fail(const std::string& what) const { fail_input("{}:{}: {}", name_, line_, what); }

void JsonlRows::wrong_kind(const JsonField& f, const char* expected) const {
  check_usable(f);
  fail(fmt::format("field \"{}\" is {}, expected {}", printable(f.name, 80), shown(f.kind, f.text),
                   expected));
}

void JsonlRows::check_usable(const JsonField& f) const {
  if (!f.fault.empty()) fail(f.fault);
}

void JsonlRows::parse(std::string_view json, std::string_view name, int64_t line, Example* row) {
  name_ = name;
  line_ = line;
  for (JsonField& f : fields_) {
    f.kind = Kind::absent;
    f.items.clear();
    f.fault.clear();
  }
  if (json.find('\0') != std::string_view::npos) fail("not valid JSON: holds a NUL byte");
  lexer_.begin_row(json, name, line);
  const JsonToken first = lexer_.next();
  if (first != JsonToken::object_begin) {
    fail(fmt::format("is {}, expected a JSON object",
                     shown(kind_of(first, lexer_.text()), lexer_.text())));
  }
  read_object(0, 0);
  lexer_.next();  // the end, or an error

  fill_id(row);
  fill_kept(json, row);
  row->gold.clear();
  if (!golds_.empty()) fill_gold(json, row);
  row->text_a.clear();
  row->text_b.reset();
  row->input_ids.clear();
  row->token_type_ids.clear();
  row->has_ids = false;
  const bool has_ids = ids_ != kNone && is_there(fields_[ids_]) && fields_[ids_].kind != Kind::null;
  if (ids_only_ || has_ids) {
    fill_ids(row);
  } else {
    fill_texts(json, row);
  }
}

// Whether some field that is asked for is inside the object at `path`.
bool JsonlRows::leads_to_field(std::string_view path) const {
  return std::any_of(fields_.begin(), fields_.end(), [&](const JsonField& f) {
    return f.name.size() > path.size() && f.name[path.size()] == '.' && f.name.starts_with(path);
  });
}

// Reads the object that was opened, whose own path is path_[0, path_size). Goes no deeper than a
// name has dots.
void JsonlRows::read_object(size_t path_size, int64_t depth) {
  while (lexer_.next() == JsonToken::key) {
    path_.resize(path_size);
    if (depth > 0) path_ += '.';
    path_ += lexer_.text();
    const JsonToken value = lexer_.next();
    const auto asked = std::find_if(fields_.begin(), fields_.end(),
                                    [&](const JsonField& f) { return f.name == path_; });
    const bool deeper = value == JsonToken::object_begin && leads_to_field(path_);
    if (asked != fields_.end()) {
      read_value(&*asked, value, depth);
      if (asked->kind == Kind::array && asked->wants_items) continue;  // read to its end
    }
    if (deeper) {
      read_object(path_.size(), depth + 1);
    } else {
      lexer_.skip(value);
    }
  }
}

void JsonlRows::read_value(JsonField* f, JsonToken first, int64_t depth) {
  if (is_there(*f) && f->depth < depth) return;  // "data.text" goes before data: {text}
  const bool twice = is_there(*f) && f->depth == depth;
  f->depth = depth;
  f->kind = kind_of(first, lexer_.text());
  f->text.clear();
  f->items.clear();
  f->fault.clear();
  if (f->kind == Kind::array && f->wants_items) {
    read_items(f);
  } else if (f->kind != Kind::array && f->kind != Kind::object) {
    f->text = lexer_.text();
  }
  if (first == JsonToken::string && lexer_.flaw()) {
    f->fault =
        fmt::format("not valid JSON: field \"{}\" holds {}", printable(f->name, 80), lexer_.flaw());
  }
  if (twice) f->fault = fmt::format("field \"{}\" comes twice", printable(f->name, 80));
}

// Keeps the first fault and reads on to the end of the list.
void JsonlRows::read_items(JsonField* f) {
  constexpr int64_t kMaxId = std::numeric_limits<int32_t>::max();
  for (JsonToken t = lexer_.next(); t != JsonToken::array_end; t = lexer_.next()) {
    const std::string& text = lexer_.text();
    const Kind kind = kind_of(t, text);
    int64_t v = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
    const bool whole =
        kind == Kind::number && error == std::errc() && end == text.data() + text.size();
    if (!f->fault.empty()) {
      // the first one counts
    } else if (!whole) {
      f->fault = fmt::format("{} holds {}, expected integers", f->name, shown(kind, text));
    } else if (v < 0 || v > kMaxId) {
      f->fault = fmt::format("{} holds {}, expected integers from 0 to {}", f->name, text, kMaxId);
    } else if (f->items.size() == kMaxItems) {
      f->fault = fmt::format("{} has more than {} numbers", f->name, kMaxItems);
    } else {
      f->items.push_back(static_cast<int32_t>(v));
    }
    lexer_.skip(t);
  }
}

void JsonlRows::fill_id(Example* row) const {
  row->id.clear();
  if (id_ == kNone) return;
  const JsonField& id = fields_[id_];
  check_usable(id);
  if (id.kind == Kind::string) {
    set_text_id(id.text, &row->id);
  } else if (id.kind == Kind::number || id.kind == Kind::boolean) {
    row->id = id.text;
  } else if ((id.kind != Kind::absent && id.kind != Kind::null) || id_required_) {
    wrong_kind(id, "a string or a number");
  }
}

void JsonlRows::fill_kept(std::string_view json, Example* row) {
  row->kept.resize(kept_.size());
  if (kept_.empty()) return;
  find_json_values(json, kept_, &values_);
  for (size_t i = 0; i < kept_.size(); ++i) {
    std::string& kept = row->kept[i];
    kept.clear();
    bool valid = is_utf8(values_[i]);
    if (values_[i].starts_with('"')) {
      unescape_json_string(values_[i], &unescaped_);
      set_text_id(unescaped_, &kept);
    } else if (!values_[i].empty()) {
      append_compact_json(values_[i], &kept);
      valid = valid && Json::accept(kept);
      if (kept == "null") kept.clear();
    }
    if (!valid) {
      fail(fmt::format("field \"{}\" to keep is not valid JSON in UTF-8: {}",
                       printable(kept_[i], 80), printable(values_[i], 40)));
    }
  }
}

void JsonlRows::check_kept(std::string_view json, std::string_view name, int64_t line) const {
  std::vector<std::string_view> values;
  find_json_values(json, kept_, &values);
  for (size_t i = 0; i < kept_.size(); ++i) {
    if (!values[i].empty()) continue;
    const std::vector<std::string> keys = json_keys(json);
    fail_input("{}:{}: no field \"{}\" to keep, the row has {}", name, line,
               printable(kept_[i], 80),
               list_names(std::vector<std::string_view>(keys.begin(), keys.end())));
  }
}

void JsonlRows::fill_ids(Example* row) const {
  const JsonField& ids = fields_[ids_];
  const JsonField& types = fields_[types_];
  if (ids.kind != Kind::array) wrong_kind(ids, "a list of token ids");
  check_usable(ids);
  if (ids.items.empty()) fail("input_ids is empty, expected at least one id");
  check_usable(types);
  if (types.kind == Kind::array) {
    if (types.items.size() != ids.items.size()) {
      fail(fmt::format("token_type_ids has {} numbers, input_ids {}", types.items.size(),
                       ids.items.size()));
    }
    row->token_type_ids = types.items;
  } else if (is_there(types) && types.kind != Kind::null) {
    wrong_kind(types, "a list of token types");
  }
  row->input_ids = ids.items;
  row->has_ids = true;
}

// A string, a number as it is written, true or false; a list as JSON.
void JsonlRows::fill_gold(std::string_view json, Example* row) {
  const JsonField* found = nullptr;
  for (const size_t i : golds_) {
    if (is_there(fields_[i]) && !found) found = &fields_[i];
  }
  if (!found) {
    throw NoLabels(
        ErrorKind::input,
        fmt::format("{}:{}: no field \"{}\", expected the label there; another name is given with "
                    "--label-field",
                    name_, line_, printable(fields_[golds_.front()].name, 80)));
  }
  check_usable(*found);
  if (found->kind == Kind::array) return fill_gold_list(json, found->name, row);
  if (found->kind != Kind::string && found->kind != Kind::number && found->kind != Kind::boolean) {
    wrong_kind(*found, "a label: a string, a number or a list of them");
  }
  row->gold = found->text;
}

void JsonlRows::fill_gold_list(std::string_view json, const std::string& name, Example* row) {
  find_json_values(json, {&name, 1}, &values_);
  if (!is_utf8(values_[0])) fail(fmt::format("field \"{}\" is not UTF-8", printable(name, 80)));
  append_compact_json(values_[0], &row->gold);
  if (!Json::accept(row->gold))
    fail(fmt::format("field \"{}\" is not valid JSON: {}", printable(name, 80),
                     printable(row->gold, 40)));
}

// Says which fields there are. Reads the row again, so that rows that have a text pay nothing for
// it.
void JsonlRows::fail_without_text(std::string_view json) {
  std::string rows;
  const std::vector<std::string> names = jsonl_field_names(json, &lexer_, &rows);
  const std::vector<std::string_view> views(names.begin(), names.end());
  std::string has = fmt::format("the row has {}", names.empty() ? "none" : list_names(views));
  if (!rows.empty()) {
    has +=
        fmt::format("; if the rows are in \"{0}\", jq -c '.[\"{0}\"][]' makes JSON Lines of them",
                    printable(rows, 40));
  }
  if (named_) {
    fail(fmt::format("no field \"{}\", {}", printable(fields_[texts_[0].text].name, 80), has));
  }
  if (task_) {
    fail(fmt::format("no field {}, {} (task {})", quoted_names(task_->names.front()), has,
                     task_->name));
  }
  fail(fmt::format("no field has a usual name (text, sentence, ...), {}; say --text-field NAME",
                   has));
}

void JsonlRows::fill_texts(std::string_view json, Example* row) {
  // The first names whose text is there; a null counts only if there is nothing better.
  const TextNames* chosen = nullptr;
  for (const TextNames& names : texts_) {
    if (!is_there(fields_[names.text])) continue;
    if (names.pair_chooses && !is_there(fields_[names.pair])) continue;
    if (!chosen ||
        (fields_[chosen->text].kind == Kind::null && fields_[names.text].kind != Kind::null)) {
      chosen = &names;
    }
  }
  if (!chosen) fail_without_text(json);
  const JsonField& text = fields_[chosen->text];
  check_usable(text);
  const bool empty = text.kind == Kind::null && !named_;
  if (text.kind != Kind::string && !empty) wrong_kind(text, "a string");
  if (!empty) row->text_a = text.text;
  if (chosen->pair == kNone) return;
  const JsonField& pair = fields_[chosen->pair];
  check_usable(pair);
  if (pair.kind == Kind::string) {
    row->text_b = pair.text;
  } else if (pair.kind == Kind::null) {
    if (chosen->pair_required) row->text_b.emplace();
  } else if (chosen->pair_required || is_there(pair)) {
    wrong_kind(pair, "a string");
  }
}

}  // namespace costeff::tasks
