#include "tasks/report/submission.h"

#include <algorithm>
#include <cmath>

#include "base/fail.h"
#include "base/utf8.h"
#include "tasks/lines/row_id.h"
#include "tasks/write/format_text.h"

namespace costeff::tasks {

std::string submission_file(const DataSet& data) {
  if (!data.task || data.task->submission.empty()) {
    fail_usage("{}: not known to be of a GLUE task, whose rules --submit follows; say --task",
               printable(data.path));
  }
  if (data.name == "mnli-mm") return "MNLI-mm.tsv";
  return std::string(data.task->submission) + ".tsv";
}

void append_submission(const Task& task, const LabelMap& map, std::span<const Example> rows,
                       std::span<const Result> results, int64_t first_row, std::string* out) {
  for (size_t i = 0; i < rows.size(); ++i) {
    // An id that is a text comes from the file's id or index column.
    if (is_text_id(rows[i].id)) {
      append_tsv_field(plain_id(rows[i].id), out);
    } else {
      append_int(first_row + static_cast<int64_t>(i), out);
    }
    out->push_back('\t');
    const Result& r = results[i];
    if (is_regression(map)) {
      // NaN becomes the middle of the scale, so that the file stays valid.
      const float score = r.logits.empty() || std::isnan(r.logits[0]) ? 2.5f : r.logits[0];
      append_fixed(std::clamp(score, 0.0f, 5.0f), 3, out);
    } else {
      const int64_t label = map.task_label[static_cast<size_t>(r.label)];
      if (task.submit_names) {
        out->append(task.labels[static_cast<size_t>(label)]);
      } else {
        append_int(label, out);
      }
    }
    out->push_back('\n');
  }
}

}  // namespace costeff::tasks
