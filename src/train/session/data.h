#pragma once

// Rows as the loop reads them, and what a plan says of them.

#include <costeff/train.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/spec.h"
#include "text/tokenizer.h"
#include "train/loop.h"

namespace costeff::train {

struct Encoded {
  std::vector<Row> rows;
  // Of texts in windows: text i has the rows from first_window[i] to before first_window[i + 1]. Empty: a text is
  // a row.
  std::vector<int64_t> first_window;
  int64_t tokens = 0, longest = 0, truncated = 0;
};

// Throws Error(model) for a tokenizer with ids that the model has no embeddings for.
void check_vocabulary(const text::Tokenizer& tokenizer, const model::Model& model);

// The tokens of rows, cut to max_length or, with a stride of 0 or more, in windows. Throws Error(input) that names the row, also for a label that
// the model does not have, or a score that is not finite.
Encoded encode_rows(const model::Model& model, const text::Tokenizer& tokenizer,
                    std::span<const TrainRow> rows, int64_t max_length, int64_t doc_stride = -1);

// Throws Error(model) unless the teacher's tokenizer gives the same ids: it reads the student's.
void check_same_ids(const text::Tokenizer& student, const text::Tokenizer& teacher,
                    const std::string& teacher_path, std::span<const TrainRow> rows);

}  // namespace costeff::train
