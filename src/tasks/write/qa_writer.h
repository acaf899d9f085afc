#pragma once

#include <costeff/qa.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace costeff::tasks {

enum class QaFormat { tsv, csv, jsonl, squad };

// "tsv", "csv", "jsonl", "squad". Throws Error(usage).
QaFormat qa_format_from_name(std::string_view name);

struct QaOutputOptions {
  QaFormat format = QaFormat::tsv;
  bool header = true;                  // TSV and CSV
  int64_t n_best = 0;                  // JSONL: the length of "nbest"; 0: no list
  bool version_2 = false;              // JSONL: with null_odds
  std::vector<std::string> kept = {};  // as in OutputOptions; not in squad
};

// Scripts may rely on these columns and keys; new ones come after them. Lines end in \n.
//
// TSV, CSV   id answer start end score
// JSONL      {"id", "answer", "start", "end", "score"}
//            version_2: "null_odds", null if the context has no token
//            n_best:    "nbest": [{"answer", "start", "end", "score"}], best first
// squad      {"id": "answer", ...}: the predictions file of SQuAD's evaluation scripts
//
// start and end count code points of the context, as Python does: context[start:end] is the answer.
// If there is none, the answer is empty, from 0 to 0. Bytes that are not UTF-8 become U+FFFD in the
// JSON formats. Ids and escapes are those of writer.h.

// Whether some format, with any options, has a column or key of this name; kept columns need
// others.
bool is_qa_output_name(std::string_view name);

void append_qa_header(const QaOutputOptions& options, std::string* out);

// index: the row's number, from 0.
void append_qa_row(const QaExample& example, const QaResult& result, const QaOutputOptions& options,
                   int64_t index, std::string* out);

// Appends what ends the output of `rows` rows.
void append_qa_footer(const QaOutputOptions& options, int64_t rows, std::string* out);

}  // namespace costeff::tasks
