#include "runtime/encode_row.h"

#include <costeff/error.h>

#include <algorithm>

namespace costeff::runtime {
namespace {

std::string place(const Example& row) {
  if (row.source.empty() && row.line == 0) return "";
  std::string s(row.source);
  if (row.line > 0) s += ":" + std::to_string(row.line);
  return s + ": ";
}

void check_own_ids(const model::Model& m, const Example& row, const EncodeOptions& options) {
  const auto n = static_cast<int64_t>(row.input_ids.size());
  if (n == 0) throw_input(place(row) + "input_ids is empty, expected at least one id");
  // Ids are used as they are: truncation would drop the final special token.
  if (n > options.max_length) {
    throw_input(place(row) + "input_ids: " + std::to_string(n) + " ids, expected at most " +
                std::to_string(options.max_length));
  }
  for (int32_t id : row.input_ids) {
    if (id < 0 || id >= m.vocab_size) {
      throw_input(place(row) + "input_ids: id " + std::to_string(id) + ", expected 0 to " +
                  std::to_string(m.vocab_size - 1));
    }
  }
  if (!row.token_type_ids.empty() && row.token_type_ids.size() != row.input_ids.size()) {
    throw_input(place(row) + "token_type_ids: " + std::to_string(row.token_type_ids.size()) +
                " types, expected as many as input_ids: " + std::to_string(n));
  }
  const int64_t types = m.type_vocab_size;
  if (types == 0) return;  // DistilBERT: types are ignored
  for (int32_t t : row.token_type_ids) {
    if (t < 0 || t >= types) {
      throw_input(place(row) + "token_type_ids: type " + std::to_string(t) + ", expected 0 to " +
                  std::to_string(types - 1));
    }
  }
}

}  // namespace

void encode_row(const model::Model& m, const text::Tokenizer& tokenizer, const Example& row,
                const EncodeOptions& options, text::Encoding* out) {
  if (row.has_ids) {
    check_own_ids(m, row, options);
    out->ids = row.input_ids;
    out->type_ids = row.token_type_ids;
    out->type_ids.resize(out->ids.size(), 0);
    out->bad_utf8 = out->truncated = false;
    return;
  }
  try {
    std::optional<std::string_view> pair;
    if (row.text_b) pair = *row.text_b;
    tokenizer.encode(row.text_a, pair, options, out);
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::input) throw;
    throw_input(place(row) + e.what());
  }
  // A model with one token type (RoBERTa), or none (DistilBERT), treats every token as type 0.
  if (m.type_vocab_size < 2) std::fill(out->type_ids.begin(), out->type_ids.end(), 0);
}

}  // namespace costeff::runtime
