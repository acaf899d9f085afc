#pragma once

#include <costeff/engine.h>

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "tasks/read/reader.h"
#include "tasks/read/squad_reader.h"

namespace costeff::tasks {

// Questions with their contexts, from SQuAD's JSON or from rows of two texts (RowReader). Rows have
// the fields or columns `question` and `context`, or those that the options name; TSV and CSV
// without a header have two columns.
class QaReader {
 public:
  // squad: whether the files are SQuAD's. Absent: those that end in .json are, if options.format is
  // automatic. Throws Error(usage) if there are files of both kinds, and as RowReader does.
  QaReader(const std::vector<InputFile>& files, InputOptions options, std::optional<bool> squad,
           const std::atomic<bool>* stop = nullptr);

  // Sets all members of `example`; the id has the form of row_id.h. In SQuAD's files only a
  // question that the engine refuses can be skipped, not broken JSON; its raw text is the question.
  // For rows, *gold is left as it is.
  ReadStatus next(QaExample& example, bool may_block, QaGold* gold = nullptr);

  // As RowReader's.
  void check_unchanged() const { squad_ ? squad_->check_unchanged() : rows_->check_unchanged(); }
  int64_t rows() const { return squad_ ? squad_->rows() : rows_->rows(); }
  int64_t bytes_total() const { return squad_ ? squad_->bytes_total() : rows_->bytes_total(); }
  int64_t bytes_done() const { return squad_ ? squad_->bytes_done() : rows_->bytes_done(); }

 private:
  ReadStatus next_squad(QaExample& example, bool may_block, QaGold* gold);

  std::optional<SquadReader> squad_;
  std::optional<RowReader> rows_;
  Example row_;
  bool keep_raw_ = false, skip_bad_rows_ = false;
};

}  // namespace costeff::tasks
