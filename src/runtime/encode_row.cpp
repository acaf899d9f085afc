#include "runtime/encode_row.h"

#include <algorithm>

#include "base/fail.h"

namespace costeff::runtime {
namespace {

void check_own_ids(const model::Model& m, const Example& row, int64_t max_ids) {
  const auto n = static_cast<int64_t>(row.input_ids.size());
  if (n == 0) fail_input("{}input_ids is empty, expected at least one id", row_place(row));
  // Ids are used as they are: truncation would drop the final special token.
  if (n > max_ids) {
    fail_input("{}input_ids: {} ids, expected at most {}", row_place(row), n, max_ids);
  }
  for (int32_t id : row.input_ids) {
    if (id < 0 || id >= m.arch.vocab_size) {
      fail_input("{}input_ids: id {}, expected 0 to {}", row_place(row), id, m.arch.vocab_size - 1);
    }
  }
  if (!row.token_type_ids.empty() && row.token_type_ids.size() != row.input_ids.size()) {
    fail_input("{}token_type_ids: {} types, expected as many as input_ids: {}", row_place(row),
               row.token_type_ids.size(), n);
  }
  const int64_t types = m.arch.type_vocab_size;
  if (types == 0) return;  // DistilBERT: types are ignored
  for (int32_t t : row.token_type_ids) {
    if (t < 0 || t >= types) {
      fail_input("{}token_type_ids: type {}, expected 0 to {}", row_place(row), t, types - 1);
    }
  }
}

}  // namespace

std::string row_place(const Example& row) {
  if (row.line > 0) return fmt::format("{}:{}: ", row.source, row.line);
  return row.source.empty() ? "" : fmt::format("{}: ", row.source);
}

void encode_texts(const text::Tokenizer& tokenizer, const Example& row,
                  const EncodeOptions& options, text::Encoding* out) {
  try {
    std::optional<std::string_view> pair;
    if (row.text_b) pair = *row.text_b;
    tokenizer.encode(row.text_a, pair, options, out);
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::input) throw;
    fail_input("{}{}", row_place(row), e.what());
  }
}

void encode_row(const model::Model& m, const text::Tokenizer& tokenizer, const Example& row,
                const EncodeOptions& options, int64_t max_ids, text::Encoding* out) {
  if (!row.error.empty()) throw_input(row.error);
  if (row.has_ids) {
    check_own_ids(m, row, max_ids);
    out->ids = row.input_ids;
    out->type_ids = row.token_type_ids;
    out->type_ids.resize(out->ids.size(), 0);
    out->bad_utf8 = out->truncated = false;
    return;
  }
  encode_texts(tokenizer, row, options, out);
  if (out->ids.empty()) {
    fail_input("{}no tokens: the text gives none, and the tokenizer adds no special ones",
               row_place(row));
  }
  // A model with one token type (RoBERTa), or none (DistilBERT), treats every token as type 0.
  if (m.arch.type_vocab_size < 2) std::fill(out->type_ids.begin(), out->type_ids.end(), 0);
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\n\v\f\r") == std::string_view::npos;
}

bool has_no_text(const text::Tokenizer& tokenizer, const Example& row,
                 const text::Encoding& encoding) {
  if (row.has_ids) return false;
  if (is_blank(row.text_a) && (!row.text_b || is_blank(*row.text_b))) return true;
  const auto tokens = static_cast<int64_t>(encoding.ids.size());
  return !encoding.truncated && tokens <= tokenizer.special_tokens(row.text_b.has_value());
}

}  // namespace costeff::runtime
