#include "tasks/read/qa_reader.h"

#include <algorithm>
#include <atomic>

#include "base/fail.h"
#include "base/parse.h"
#include "tasks/lines/delimited.h"

namespace costeff::tasks {
namespace {

constexpr FieldNames kNames[] = {{"question", "context"}};
constexpr Task kTask{
    .name = "qa", .names = kNames, .label = "", .bare_columns = 2, .bare_text = 1, .bare_pair = 2};

bool is_squad(const InputFile& file, const InputOptions& options, std::optional<bool> squad) {
  if (squad) return *squad;
  return options.format == InputFormat::automatic &&
         has_extension(without_packing(file.path), ".json");
}

}  // namespace

QaReader::QaReader(const std::vector<InputFile>& files, InputOptions options,
                   std::optional<bool> squad, const std::atomic<bool>* stop) {
  const auto count = std::count_if(files.begin(), files.end(),
                                   [&](const InputFile& f) { return is_squad(f, options, squad); });
  if (count > 0 && count < static_cast<int64_t>(files.size())) {
    throw_usage("SQuAD files (.json) and files of rows cannot be read in one run");
  }
  if (options.text_field.empty() != options.pair_field.empty()) {
    throw_usage(
        "task qa: name both fields, the question's (--text-field) and the context's "
        "(--pair-field)");
  }
  if (count > 0) {
    if (!options.text_field.empty() || options.id_field || !options.keep.empty()) {
      throw_usage("SQuAD files have no fields to choose");
    }
    keep_raw_ = options.keep_raw;
    squad_.emplace(files, stop);
    return;
  }
  options.task = &kTask;
  skip_bad_rows_ = options.skip_bad_rows;
  rows_.emplace(files, std::move(options), stop);
}

ReadStatus QaReader::next(QaExample& example, bool may_block, QaGold* gold) {
  if (squad_) return next_squad(example, may_block, gold);
  const ReadStatus status = rows_->next(row_, may_block);
  if (status != ReadStatus::row) return status;
  example.place = place_text(row_.source, row_.line);
  example.source = row_.source;
  example.line = row_.line;
  example.error = std::move(row_.error);
  example.id = std::move(row_.id);
  example.kept = std::move(row_.kept);
  example.raw = std::move(row_.raw);
  if (example.error.empty() && row_.has_ids) {
    example.error =
        fmt::format("{}: input_ids, expected a question and its context as text", example.place);
  } else if (example.error.empty() && !row_.text_b) {
    example.error = fmt::format("{}: one text, expected a question and its context", example.place);
  }
  if (!example.error.empty()) {
    if (!skip_bad_rows_) throw_input(example.error);
    row_.text_a.clear();
    row_.text_b.emplace();
  }
  example.question = std::move(row_.text_a);
  example.context = std::move(*row_.text_b);
  return ReadStatus::row;
}

ReadStatus QaReader::next_squad(QaExample& example, bool may_block, QaGold* gold) {
  const ReadStatus status = squad_->next(example, may_block, gold);
  if (status != ReadStatus::row) return status;
  example.error.clear();
  example.kept.clear();
  example.source = {};  // the file has no lines: the place is enough
  example.line = 0;
  example.raw = keep_raw_ ? example.question : "";
  return status;
}

}  // namespace costeff::tasks
