#include "tasks/write/writer.h"

#include <algorithm>
#include <array>

#include "base/names.h"
#include "base/utf8.h"
#include "tasks/lines/label_list.h"
#include "tasks/lines/row_id.h"
#include "tasks/write/format_text.h"
#include "tasks/write/json_writer.h"
#include "tasks/write/kept_values.h"
#include "tasks/write/table.h"

namespace costeff::tasks {
namespace {

constexpr std::array<Name<OutputFormat>, 5> kOutputFormats{{{"tsv", OutputFormat::tsv},
                                                            {"csv", OutputFormat::csv},
                                                            {"jsonl", OutputFormat::jsonl},
                                                            {"json", OutputFormat::jsonl},
                                                            {"table", OutputFormat::table}}};

// The keys of every row. Made once: a key that is made on the spot costs as much as its value.
constexpr JsonWriter::Key kIdKey("id"), kLabelKey("label"), kLabelIdKey("label_id"),
    kProbKey("prob"), kEntropyKey("entropy"), kExitLayerKey("exit_layer"), kLayerKey("layer"),
    kLogitsKey("logits"), kProbsKey("probs");

// The label that follows `after` (-1: the first) in falling order of the logits; -1: none is left.
// By the logits, the first one is Result::label even if two probabilities round to the same float.
// C is small: looking through all labels again needs no memory, and hardly more time than sorting.
int64_t next_best(const Result& result, int64_t after) {
  const std::vector<float>& logits = result.logits;
  const auto count = static_cast<int64_t>(std::min(logits.size(), result.probs.size()));
  int64_t best = -1;
  for (int64_t i = 0; i < count; ++i) {
    const bool is_left =
        after < 0 || logits[i] < logits[after] || (logits[i] == logits[after] && i > after);
    if (is_left && (best < 0 || logits[i] > logits[best])) best = i;
  }
  return best;
}

int64_t top_count(const OutputOptions& options) {
  if (is_regression(options)) return 0;
  return std::min<int64_t>(options.top_k, static_cast<int64_t>(options.labels.size()));
}

// Columns of --top-k begin with the second label, as `label` is the first. A set of labels is not.
int64_t first_top_column(const OutputOptions& options) { return is_multi_label(options) ? 1 : 2; }

std::string_view label_name(const OutputOptions& options, int64_t label) {
  return label >= 0 && label < static_cast<int64_t>(options.labels.size())
             ? std::string_view(options.labels[label])
             : std::string_view();
}

float regression_value(const Result& result) {
  return result.logits.empty() ? 0.0f : result.logits[0];
}

using AppendField = void (*)(std::string_view, std::string*);

void append_columns(const Example& row, const Result& result, const OutputOptions& options,
                    char separator, AppendField append_field, std::string* out) {
  append_field(plain_id(row.id), out);
  out->push_back(separator);
  if (is_regression(options)) {
    append_float(regression_value(result), out);
    out->push_back(separator);
    append_int(result.exit_layer, out);
    append_kept_fields(options.kept.size(), row.kept, separator, append_field, out);
    out->push_back('\n');
    return;
  }
  const bool sets = is_multi_label(options);
  if (sets) {
    std::string joined;
    append_label_list(options.labels, result.labels, &joined);
    append_field(joined, out);
  } else {
    append_field(label_name(options, result.label), out);
  }
  out->push_back(separator);
  append_float(result.prob, out);
  out->push_back(separator);
  append_float(result.entropy, out);
  out->push_back(separator);
  append_int(result.exit_layer, out);
  int64_t label = sets ? -1 : next_best(result, -1);
  for (int64_t k = first_top_column(options); k <= top_count(options); ++k) {
    if (label >= 0 || k == 1) label = next_best(result, label);
    out->push_back(separator);
    if (label >= 0) append_field(label_name(options, label), out);
    out->push_back(separator);
    if (label >= 0) append_float(result.probs[label], out);
  }
  append_kept_fields(options.kept.size(), row.kept, separator, append_field, out);
  out->push_back('\n');
}

void write_label(const OutputOptions& options, int64_t label, float prob, JsonWriter* json) {
  json->field(kLabelKey, label_name(options, label));
  json->field(kLabelIdKey, label);
  json->field(kProbKey, prob);
}

void write_labels(const Result& result, const OutputOptions& options, JsonWriter* json) {
  json->begin_array("labels");
  for (const int32_t label : result.labels) json->value(label_name(options, label));
  json->end_array();
  json->field("label_ids", result.labels);
  json->field(kProbKey, result.prob);
}

// By name: of the likeliest (--top-k), likeliest first, or of all (--all-exits).
void write_probs(const Result& result, const OutputOptions& options, JsonWriter* json) {
  json->begin_object("probs");
  int64_t label = -1;
  const int64_t count =
      options.top_k > 0 ? top_count(options) : static_cast<int64_t>(result.probs.size());
  for (int64_t k = 0; k < count; ++k) {
    label = options.top_k > 0 ? next_best(result, label) : k;
    if (label < 0) break;
    json->key_text(label_name(options, label));
    json->value(result.probs[label]);
  }
  json->end_object();
}

void write_top(const Result& result, const OutputOptions& options, JsonWriter* json) {
  json->begin_array("top");
  int64_t label = -1;
  for (int64_t k = 0; k < top_count(options); ++k) {
    label = next_best(result, label);
    if (label < 0) break;
    json->begin_object();
    write_label(options, label, result.probs[label], json);
    json->end_object();
  }
  json->end_array();
}

void write_exits(const Result& result, const OutputOptions& options, JsonWriter* json) {
  json->begin_array("exits");
  for (const ExitOutput& e : result.exits) {
    json->begin_object();
    json->field(kLayerKey, e.layer);
    json->field(kLogitsKey, e.logits);
    if (!is_regression(options)) {
      json->field(kProbsKey, e.probs);
      json->field(kEntropyKey, e.entropy);
    }
    json->end_object();
  }
  json->end_array();
}

// The answer, its exit and what is asked for besides.
void write_answer(const Result& result, const OutputOptions& options, JsonWriter* json) {
  if (is_regression(options)) {
    json->field("value", regression_value(result));
  } else if (is_multi_label(options)) {
    write_labels(result, options, json);
    json->field(kEntropyKey, result.entropy);
  } else {
    write_label(options, result.label, result.prob, json);
    json->field(kEntropyKey, result.entropy);
  }
  json->field(kExitLayerKey, result.exit_layer);
  if (is_multi_label(options)) {
    if (options.top_k > 0 || options.all_exits) write_probs(result, options, json);
  } else if (options.top_k > 0 && !is_regression(options)) {
    write_top(result, options, json);
  }
  if (options.all_exits) write_exits(result, options, json);
}

void write_windows(const Result& result, const OutputOptions& options, JsonWriter* json) {
  json->begin_array("windows");
  for (const Result& window : result.windows) {
    json->begin_object();
    json->field("tokens", window.tokens);
    write_answer(window, options, json);
    json->end_object();
  }
  json->end_array();
}

void append_json(const Example& row, const Result& result, const OutputOptions& options,
                 std::string* out) {
  JsonWriter json(out);
  json.begin_object();
  json.key(kIdKey);
  json.stored(row.id);
  write_answer(result, options, &json);
  if (options.windows) write_windows(result, options, &json);
  write_kept_fields(options.kept, row.kept, &json);
  json.end_object();
  out->push_back('\n');
}

}  // namespace

OutputFormat output_format_from_name(std::string_view name) {
  return value_of_name(kOutputFormats, name, "output format");
}

std::string output_format_name(OutputFormat format) {
  return std::string(name_of_value(kOutputFormats, format));
}

bool is_output_name(std::string_view name) {
  constexpr std::string_view kOutputNames[] = {
      "id",    "label", "prob",   "entropy",   "exit_layer", "label_id", "top",
      "exits", "value", "labels", "label_ids", "probs",      "windows"};
  if (std::find(std::begin(kOutputNames), std::end(kOutputNames), name) != std::end(kOutputNames))
    return true;
  for (const std::string_view begin : {"label_", "prob_"}) {
    if (name.size() > begin.size() && name.starts_with(begin) &&
        name.find_first_not_of("0123456789", begin.size()) == std::string_view::npos) {
      return true;
    }
  }
  return false;
}

void append_header(const OutputOptions& options, std::string* out) {
  if (!options.header || options.format == OutputFormat::jsonl) return;
  if (options.format == OutputFormat::table) return append_table_header(options, out);
  const char separator = options.format == OutputFormat::tsv ? '\t' : ',';
  bool first = true;
  const auto add = [&](std::string_view name, int64_t number) {
    if (!first) out->push_back(separator);
    first = false;
    out->append(name);
    if (number > 0) append_int(number, out);
  };
  add("id", 0);
  if (is_regression(options)) {
    add("value", 0);
  } else {
    add("label", 0);
    add("prob", 0);
    add("entropy", 0);
  }
  add("exit_layer", 0);
  for (int64_t k = first_top_column(options); k <= top_count(options); ++k) {
    add("label_", k);
    add("prob_", k);
  }
  for (const std::string& name : options.kept) {
    out->push_back(separator);
    separator == '\t' ? append_tsv_field(name, out) : append_csv_field(name, out);
  }
  out->push_back('\n');
}

void append_row(const Example& row, const Result& result, const OutputOptions& options,
                std::string* out) {
  switch (options.format) {
    case OutputFormat::tsv:
      return append_columns(row, result, options, '\t', append_tsv_field, out);
    case OutputFormat::csv:
      return append_columns(row, result, options, ',', append_csv_field, out);
    case OutputFormat::jsonl:
      return append_json(row, result, options, out);
    case OutputFormat::table:
      return append_table_row(row, result, options, out);
  }
}

}  // namespace costeff::tasks
