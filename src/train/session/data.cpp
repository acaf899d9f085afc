#include "train/session/data.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/fail.h"
#include "base/files/content_hash.h"
#include "runtime/doc/documents.h"
#include "runtime/encode_row.h"

namespace costeff::train {
namespace {

// Tokenizers that agree on so many rows are the same.
constexpr size_t kRowsToCompare = 200;

void check_answer(const TrainRow& row, const model::Architecture& arch) {
  const auto check_label = [&](int32_t label) {
    if (label >= 0 && label < arch.num_labels) return;
    fail_input("{}label {}, expected 0 to {}", runtime::row_place(row.example), label,
               arch.num_labels - 1);
  };
  switch (arch.problem) {
    case ProblemType::regression:
      if (!std::isfinite(row.score))
        fail_input("{}the score is not finite", runtime::row_place(row.example));
      break;
    case ProblemType::single_label:
      check_label(row.label);
      break;
    case ProblemType::multi_label:
      for (size_t i = 0; i < row.labels.size(); ++i) {
        check_label(row.labels[i]);
        if (i > 0 && row.labels[i] <= row.labels[i - 1]) {
          fail_input("{}label {} after {}, expected ascending labels",
                     runtime::row_place(row.example), row.labels[i], row.labels[i - 1]);
        }
      }
  }
}

}  // namespace

void check_vocabulary(const text::Tokenizer& tokenizer, const model::Model& model) {
  if (tokenizer.vocab_size() <= model.arch.vocab_size) return;
  fail_model("{}: has ids up to {}, and the model has {} word embeddings", tokenizer.vocab_file(),
             tokenizer.vocab_size() - 1, model.arch.vocab_size);
}

Encoded encode_rows(const model::Model& model, const text::Tokenizer& tokenizer,
                    std::span<const TrainRow> rows, int64_t max_length, int64_t doc_stride) {
  Encoded out;
  out.rows.reserve(rows.size());
  const EncodeOptions options{.max_length = max_length};
  const auto add = [&](const TrainRow& row, std::vector<int32_t> ids, std::vector<int32_t> types) {
    Row& to = out.rows.emplace_back();
    to.ids = std::move(ids);
    // Only what differs from zeros is kept.
    if (std::any_of(types.begin(), types.end(), [](int32_t t) { return t != 0; }))
      to.types = std::move(types);
    to.label = row.label;
    to.score = row.score;
    to.labels = row.labels;
    const auto tokens = static_cast<int64_t>(to.ids.size());
    out.tokens += tokens;
    out.longest = std::max(out.longest, tokens);
  };
  if (doc_stride < 0) {
    text::Encoding encoding;
    for (const TrainRow& row : rows) {
      check_answer(row, model.arch);
      runtime::encode_row(model, tokenizer, row.example, options, max_length, &encoding);
      add(row, encoding.ids, encoding.type_ids);
      out.truncated += encoding.truncated;
    }
    return out;
  }
  const runtime::DocumentCutter cutter(model, tokenizer, options, max_length,
                                       {.stride = doc_stride});
  runtime::WindowedText text;
  out.first_window = {0};
  for (const TrainRow& row : rows) {
    check_answer(row, model.arch);
    cutter.cut(row.example, &text);
    for (int64_t w = 0; w < text.windows.count; ++w) {
      Example window;
      runtime::fill_window(text, w, &window);
      add(row, std::move(window.input_ids), std::move(window.token_type_ids));
    }
    out.first_window.push_back(static_cast<int64_t>(out.rows.size()));
  }
  return out;
}

void check_same_ids(const text::Tokenizer& student, const text::Tokenizer& teacher,
                    const std::string& teacher_path, std::span<const TrainRow> rows) {
  text::Encoding ours, theirs;
  for (size_t i = 0; i < std::min(rows.size(), kRowsToCompare); ++i) {
    if (rows[i].example.has_ids) continue;
    runtime::encode_texts(student, rows[i].example, {}, &ours);
    runtime::encode_texts(teacher, rows[i].example, {}, &theirs);
    if (ours.ids == theirs.ids) continue;
    fail_model(
        "{}: the teacher's tokenizer reads texts otherwise than the backbone's, expected the "
        "same one",
        teacher_path);
  }
}

}  // namespace costeff::train

namespace costeff {

std::vector<TrainRow> split_off_dev(std::vector<TrainRow>* rows, double share, uint64_t seed) {
  std::vector<TrainRow> dev;
  std::vector<TrainRow> train;
  for (TrainRow& row : *rows) {
    ContentHash hash;
    const Example& e = row.example;
    hash.add({reinterpret_cast<const char*>(&seed), sizeof(seed)});
    if (e.has_ids) {
      hash.add({reinterpret_cast<const char*>(e.input_ids.data()),
                e.input_ids.size() * sizeof(e.input_ids[0])});
    } else {
      hash.add(e.text_a);
      hash.add(std::string_view("\0", 1));
      if (e.text_b) hash.add(*e.text_b);
    }
    const bool to_dev = static_cast<double>(hash.value() >> 11) * 0x1p-53 < share;
    (to_dev ? dev : train).push_back(std::move(row));
  }
  *rows = std::move(train);
  return dev;
}

}  // namespace costeff
