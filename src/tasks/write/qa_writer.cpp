#include "tasks/write/qa_writer.h"

#include <algorithm>
#include <array>

#include "base/names.h"
#include "base/utf8.h"
#include "tasks/lines/row_id.h"
#include "tasks/write/format_text.h"
#include "tasks/write/json_writer.h"
#include "tasks/write/kept_values.h"

namespace costeff::tasks {
namespace {

constexpr std::array<Name<QaFormat>, 5> kQaFormats{{{"tsv", QaFormat::tsv},
                                                    {"csv", QaFormat::csv},
                                                    {"jsonl", QaFormat::jsonl},
                                                    {"json", QaFormat::jsonl},
                                                    {"squad", QaFormat::squad}}};

using AppendField = void (*)(std::string_view, std::string*);

void append_columns(const QaExample& example, const QaAnswer& a, size_t kept, char separator,
                    AppendField append_field, std::string* out) {
  append_field(plain_id(example.id), out);
  out->push_back(separator);
  append_field(a.text, out);
  out->push_back(separator);
  append_int(a.char_begin, out);
  out->push_back(separator);
  append_int(a.char_end, out);
  out->push_back(separator);
  append_float(a.score, out);
  append_kept_fields(kept, example.kept, separator, append_field, out);
  out->push_back('\n');
}

void append_column_names(const QaOutputOptions& options, char separator, AppendField append_field,
                         std::string* out) {
  out->append("id");
  for (const std::string_view name : {"answer", "start", "end", "score"}) {
    out->push_back(separator);
    out->append(name);
  }
  for (const std::string& name : options.kept) {
    out->push_back(separator);
    append_field(name, out);
  }
  out->push_back('\n');
}

void write_answer_fields(const QaAnswer& a, JsonWriter* json) {
  json->field("answer", a.text);
  json->field("start", a.char_begin);
  json->field("end", a.char_end);
  json->field("score", a.score);
}

void append_jsonl(const QaExample& example, const QaResult& result, const QaOutputOptions& options,
                  std::string* out) {
  JsonWriter json(out);
  json.begin_object();
  json.key("id");
  json.stored(example.id);
  write_answer_fields(result.answer, &json);
  if (options.version_2) json.field("null_odds", result.null_odds);
  if (options.n_best > 0) {
    json.begin_array("nbest");
    const auto count = std::min(static_cast<size_t>(options.n_best), result.n_best.size());
    for (size_t i = 0; i < count; ++i) {
      json.begin_object();
      write_answer_fields(result.n_best[i], &json);
      json.end_object();
    }
    json.end_array();
  }
  write_kept_fields(options.kept, example.kept, &json);
  json.end_object();
  out->push_back('\n');
}

}  // namespace

QaFormat qa_format_from_name(std::string_view name) {
  return value_of_name(kQaFormats, name, "output format of task qa");
}

bool is_qa_output_name(std::string_view name) {
  constexpr std::string_view kQaOutputNames[] = {"id",    "answer", "start",    "end",
                                                 "score", "nbest",  "null_odds"};
  return std::find(std::begin(kQaOutputNames), std::end(kQaOutputNames), name) !=
         std::end(kQaOutputNames);
}

void append_qa_header(const QaOutputOptions& options, std::string* out) {
  if (options.format == QaFormat::squad) out->append("{");
  if (!options.header) return;
  if (options.format == QaFormat::tsv) append_column_names(options, '\t', append_tsv_field, out);
  if (options.format == QaFormat::csv) append_column_names(options, ',', append_csv_field, out);
}

void append_qa_row(const QaExample& example, const QaResult& result, const QaOutputOptions& options,
                   int64_t index, std::string* out) {
  switch (options.format) {
    case QaFormat::tsv:
      return append_columns(example, result.answer, options.kept.size(), '\t', append_tsv_field,
                            out);
    case QaFormat::csv:
      return append_columns(example, result.answer, options.kept.size(), ',', append_csv_field,
                            out);
    case QaFormat::jsonl:
      return append_jsonl(example, result, options, out);
    case QaFormat::squad:
      out->append(index > 0 ? ",\n" : "\n");
      append_json_string(plain_id(example.id), out);
      out->append(": ");
      return append_json_string(result.answer.text, out);
  }
}

void append_qa_footer(const QaOutputOptions& options, int64_t rows, std::string* out) {
  if (options.format == QaFormat::squad) out->append(rows > 0 ? "\n}\n" : "}\n");
}

}  // namespace costeff::tasks
