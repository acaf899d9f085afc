#include "tasks/read/columns.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/fail.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "tasks/lines/delimited.h"
#include "tasks/read/no_labels.h"

namespace costeff::tasks {
namespace {

using Row = std::span<const std::string_view>;

// Pairs first: QNLI has `question` and `sentence`, and its question comes first.
constexpr std::array<FieldNames, 9> kCommonNames{{
    {"sentence1", "sentence2"},
    {"question1", "question2"},
    {"question", "sentence"},
    {"premise", "hypothesis"},
    {"#1 String", "#2 String"},
    {"text_a", "text_b"},
    {"sentence", ""},
    {"text", ""},
    {"text_a", ""},
}};

// A first line that holds one of these, or of the names above, is a header.
constexpr std::string_view kHeaderWords[] = {
    "id", "index", "idx", "label", "gold_label", "Quality", "is_duplicate", "score", "target"};

int64_t find_name(Row row, std::string_view name) {
  const auto it = std::find(row.begin(), row.end(), name);
  return it == row.end() ? -1 : it - row.begin();
}

// Usual names of a column or field of labels; a task's own name goes before them.
constexpr std::string_view kLabelNames[] = {"label",  "gold_label", "Quality", "is_duplicate",
                                            "score",  "Label",      "labels",  "gold",
                                            "target", "class"};

std::optional<int64_t> column_number(std::string_view name) { return parse_int(name, 1); }

bool is_usual_name(std::string_view cell) {
  return std::find(std::begin(kHeaderWords), std::end(kHeaderWords), cell) !=
             std::end(kHeaderWords) ||
         std::any_of(kCommonNames.begin(), kCommonNames.end(), [&](const FieldNames& n) {
           return !cell.empty() && (cell == n.text || cell == n.pair);
         });
}

bool looks_like_header(Row row) { return std::any_of(row.begin(), row.end(), is_usual_name); }

// The first of `names` whose columns are all there.
const FieldNames* find_names(Row row, std::span<const FieldNames> names) {
  for (const FieldNames& n : names) {
    if (find_name(row, n.text) >= 0 && (n.pair.empty() || find_name(row, n.pair) >= 0)) return &n;
  }
  return nullptr;
}

struct Chooser {
  Row first;
  const InputOptions& options;
  const std::string& place;
  Columns columns;

  // For a first line whose meaning no flag and no usual name tells.
  void refuse_if_may_be_header() const {
    if (options.header != Header::automatic || !may_be_header(first)) return;
    fail_input("{}: {} may be {}: say --header or --no-header", place, list_names(first),
               first.size() == 1 ? "a column's name or a text" : "the columns' names or a row");
  }

  // Lines with no column but a text, where no flag names a column that they lack.
  void refuse_lines_without_labels() const {
    if (!options.want_gold || first.size() != 1 || options.task || options.header == Header::yes ||
        !all_asked_are_numbers() || is_column_name(first.front(), options)) {
      return;
    }
    throw NoLabels(
        ErrorKind::input,
        fmt::format(
            "{}: 1 column and no header: lines of text have no labels, expected TSV, CSV or "
            "JSONL with labels (--input-format names it)",
            place));
  }

  std::string task_note() const {
    return options.task ? fmt::format(" (task {})", options.task->name) : "";
  }

  // The only column of this name. `note` ends the message.
  int64_t named(std::string_view name, const std::string& note) const {
    const int64_t at = find_name(first, name);
    if (at < 0) {
      fail_input("{}: no column \"{}\", the header has {}{}", place, printable(name, 80),
                 list_names(first), note);
    }
    if (find_name(first.subspan(at + 1), name) >= 0) {
      fail_input("{}: the header has column \"{}\" twice{}", place, printable(name, 80), note);
    }
    return at;
  }

  // A column that a flag asks for, by name or number.
  int64_t asked(const std::string& field) const {
    if (columns.header && find_name(first, field) >= 0) return named(field, "");
    const auto number = column_number(field);
    if (number) {
      if (*number > columns.count) {
        fail_input("{}: {}, expected column {}", place, columns_text(columns.count), field);
      }
      return *number - 1;
    }
    if (!columns.header) {
      fail_usage(
          "column \"{}\" is given by name, which needs a header; without one give its number",
          printable(field, 80));
    }
    return named(field, "");
  }

  bool all_asked_are_numbers() const {
    const auto number_or_none = [](const std::string& f) { return f.empty() || column_number(f); };
    return number_or_none(options.text_field) && number_or_none(options.pair_field) &&
           (!options.id_field || number_or_none(*options.id_field)) &&
           number_or_none(options.label_field) &&
           std::all_of(options.keep.begin(), options.keep.end(),
                       [&](const KeptColumn& k) { return number_or_none(k.field); });
  }

  // The column of the gold label, if no flag names it.
  int64_t label_column() const {
    if (!columns.header) {
      if (options.task && options.text_field.empty() && options.task->bare_label > 0) {
        return options.task->bare_label - 1;
      }
      fail_usage(
          "{}: without a header the label's column is given by its number, with --label-field "
          "NUMBER",
          place);
    }
    if (options.task && find_name(first, options.task->label) >= 0) {
      return named(options.task->label, task_note());
    }
    for (const std::string_view name : label_field_names()) {
      if (find_name(first, name) >= 0) return named(name, task_note());
    }
    throw NoLabels(
        ErrorKind::input,
        fmt::format("{}: no column of labels ({}), the header has {}{}; another name is given with "
                    "--label-field",
                    place, options.task ? options.task->label : "label", list_names(first),
                    task_note()));
  }

  // If neither names nor numbers were asked for, the task decides.
  void by_task(const Task& task) {
    const FieldNames* names =
        options.header == Header::no ? nullptr : find_names(first, task.names);
    if (names) {
      columns.header = true;
      columns.text = named(names->text, task_note());
      if (!names->pair.empty()) columns.pair = named(names->pair, task_note());
      return;
    }
    if (task.bare_columns > 0 && options.header != Header::yes) {
      if (columns.count != task.bare_columns) {
        fail_input("{}: {}, expected {}{}", place, columns_text(columns.count), task.bare_columns,
                   task_note());
      }
      columns.text = task.bare_text - 1;
      columns.pair = task.bare_pair - 1;
      return;
    }
    if (options.header == Header::no) {
      fail_usage(
          "task {} finds its columns by the header's names; without a header give a column's "
          "number "
          "with --text-field",
          task.name);
    }
    fail_input("{}: the header has no column {}, it has {}{}", place,
               quoted_names(task.names.front()), list_names(first), task_note());
  }

  void by_common_names() {
    if (options.header != Header::no) {
      if (const FieldNames* names = find_names(first, kCommonNames)) {
        columns.header = true;
        columns.text = named(names->text, "");
        if (!names->pair.empty()) columns.pair = named(names->pair, "");
        return;
      }
    }
    if (columns.count == 1) {
      refuse_if_may_be_header();
      columns.header = options.header == Header::yes;
      columns.text = 0;
      return;
    }
    if (options.header == Header::no) {
      fail_input("{}: {} and no header: say which holds the text with --text-field NUMBER", place,
                 columns_text(columns.count));
    }
    fail_input(
        "{}: none of the columns {} has a usual name (sentence, text, ...): use --text-field NAME, "
        "or --no-header and --text-field NUMBER",
        place, list_names(first));
  }
};

}  // namespace

std::span<const FieldNames> common_field_names() { return kCommonNames; }
std::span<const std::string_view> label_field_names() { return kLabelNames; }

bool is_column_name(std::string_view cell, const InputOptions& options) {
  if (cell.empty()) return false;
  const auto is = [&](std::string_view name) { return cell == name; };
  if (is(options.text_field) || is(options.pair_field) || is(options.label_field) ||
      (options.id_field && is(*options.id_field))) {
    return true;
  }
  if (options.task && std::any_of(options.task->names.begin(), options.task->names.end(),
                                  [&](const FieldNames& n) { return is(n.text) || is(n.pair); })) {
    return true;
  }
  return is_usual_name(cell) || std::any_of(std::begin(kLabelNames), std::end(kLabelNames), is);
}

bool may_be_header(std::span<const std::string_view> row) {
  constexpr size_t kMaxNameBytes = 40;
  constexpr int64_t kMaxBlanks = 2;
  constexpr std::string_view kDigits = "0123456789", kEnds = ".!?,;:";
  bool has_name = false;
  for (const std::string_view cell : row) {
    const bool is_number = !cell.empty() &&
                           cell.find_first_not_of("+-.,eE0123456789") == cell.npos &&
                           cell.find_first_of(kDigits) != cell.npos;
    const bool is_sentence = !cell.empty() && kEnds.find(cell.back()) != kEnds.npos;
    if (cell.size() > kMaxNameBytes || std::count(cell.begin(), cell.end(), ' ') > kMaxBlanks ||
        is_number || is_sentence) {
      return false;
    }
    has_name = has_name || !cell.empty();
  }
  return has_name;
}

std::string list_names(std::span<const std::string_view> names) {
  constexpr size_t kShown = 6;
  std::string out;
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    out += fmt::format("{}\"{}\"", i ? ", " : "", printable(names[i], 30));
  }
  if (names.size() > kShown) {
    out += fmt::format(", ... ({})", columns_text(static_cast<int64_t>(names.size())));
  }
  return out;
}

std::string quoted_names(const FieldNames& names) {
  if (names.pair.empty()) return fmt::format("\"{}\"", names.text);
  return fmt::format("\"{}\" and \"{}\"", names.text, names.pair);
}

Columns choose_columns(std::span<const std::string_view> first, const InputOptions& options,
                       const std::string& place) {
  Chooser c{first, options, place, {}};
  c.columns.count = static_cast<int64_t>(first.size());
  c.refuse_lines_without_labels();
  if (!options.text_field.empty()) {
    c.columns.header =
        options.header == Header::yes || (options.header == Header::automatic &&
                                          (!c.all_asked_are_numbers() || looks_like_header(first)));
    c.columns.text = c.asked(options.text_field);
    if (!c.columns.header) c.refuse_if_may_be_header();
  } else if (options.task) {
    c.by_task(*options.task);
  } else {
    c.by_common_names();
  }
  if (!options.pair_field.empty()) c.columns.pair = c.asked(options.pair_field);
  if (options.want_gold) {
    c.columns.label = options.label_field.empty() ? c.label_column() : c.asked(options.label_field);
  }

  for (const KeptColumn& k : options.keep) c.columns.kept.push_back(c.asked(k.field));

  Columns& columns = c.columns;
  if (options.id_field) {
    if (!options.id_field->empty()) columns.id = c.asked(*options.id_field);
  } else if (columns.header) {
    columns.id = find_name(first, "id");
    if (columns.id < 0) columns.id = find_name(first, "index");
    if (columns.id == columns.text || columns.id == columns.pair || columns.id == columns.label) {
      columns.id = -1;
    }
  }
  return columns;
}

}  // namespace costeff::tasks
