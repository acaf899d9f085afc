#include "tasks/qa_writer.h"

#include <costeff/error.h>

#include <algorithm>
#include <array>

#include "base/names.h"
#include "base/utf8.h"
#include "tasks/format_text.h"
#include "tasks/row_id.h"

namespace costeff::tasks {
namespace {

constexpr std::array<Name<QaFormat>, 5> kQaFormats{{{"tsv", QaFormat::tsv},
                                                    {"csv", QaFormat::csv},
                                                    {"jsonl", QaFormat::jsonl},
                                                    {"json", QaFormat::jsonl},
                                                    {"squad", QaFormat::squad}}};

using AppendField = void (*)(std::string_view, std::string*);

void append_columns(const QaExample& example, const QaAnswer& a, char separator,
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
  out->push_back('\n');
}

void append_answer_keys(const QaAnswer& a, std::string* out) {
  out->append("\"answer\":");
  append_json_string(a.text, out);
  out->append(",\"start\":");
  append_int(a.char_begin, out);
  out->append(",\"end\":");
  append_int(a.char_end, out);
  out->append(",\"score\":");
  append_json_float(a.score, out);
}

void append_jsonl(const QaExample& example, const QaResult& result, const QaOutputOptions& options,
                  std::string* out) {
  out->append("{\"id\":");
  if (is_text_id(example.id)) {
    append_json_string(plain_id(example.id), out);
  } else {
    out->append(example.id.empty() ? "null" : example.id);
  }
  out->push_back(',');
  append_answer_keys(result.answer, out);
  if (options.version_2) {
    out->append(",\"null_odds\":");
    append_json_float(result.null_odds, out);
  }
  if (options.n_best > 0) {
    out->append(",\"nbest\":[");
    const auto count = std::min(static_cast<size_t>(options.n_best), result.n_best.size());
    for (size_t i = 0; i < count; ++i) {
      out->append(i ? ",{" : "{");
      append_answer_keys(result.n_best[i], out);
      out->push_back('}');
    }
    out->push_back(']');
  }
  out->append("}\n");
}

}  // namespace

QaFormat qa_format_from_name(std::string_view name) {
  return value_of_name(kQaFormats, name, "output format of task qa");
}

void append_qa_header(const QaOutputOptions& options, std::string* out) {
  if (options.format == QaFormat::squad) out->append("{");
  if (!options.header) return;
  if (options.format == QaFormat::tsv) out->append("id\tanswer\tstart\tend\tscore\n");
  if (options.format == QaFormat::csv) out->append("id,answer,start,end,score\n");
}

void append_qa_row(const QaExample& example, const QaResult& result, const QaOutputOptions& options,
                   int64_t index, std::string* out) {
  switch (options.format) {
    case QaFormat::tsv:
      return append_columns(example, result.answer, '\t', append_tsv_field, out);
    case QaFormat::csv:
      return append_columns(example, result.answer, ',', append_csv_field, out);
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
