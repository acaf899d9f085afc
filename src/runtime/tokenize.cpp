#include <costeff/tokenizer.h>

#include <string_view>

#include "base/utf8.h"
#include "runtime/encode_row.h"
#include "text/tokenizer.h"

namespace costeff {
namespace {

// Sets index[i] to the number of the code point that contains byte i, and index[size] to the number of
// code points. Bytes that are not UTF-8 count as with Python's errors="replace".
void index_chars(std::string_view text, std::vector<int64_t>* index) {
  index->clear();
  int64_t count = 0;
  bool bad = false;
  for (size_t at = 0; at < text.size(); ++count) {
    next_code_point(text, &at, &bad);
    index->resize(at, count);
  }
  index->push_back(count);
}

// A token that begins or ends inside a code point (byte-level BPE) covers all of it.
TokenOffsets chars_of(const text::Span& span, const std::vector<int64_t>& index) {
  const int64_t begin = index[static_cast<size_t>(span.begin)];
  if (span.end <= span.begin) return {begin, begin};
  return {begin, index[static_cast<size_t>(span.end) - 1] + 1};
}

void set_offsets(const Example& row, const text::Encoding& e, Tokens* out) {
  thread_local std::vector<int64_t> index_a, index_b;
  index_chars(row.text_a, &index_a);
  index_chars(row.text_b ? std::string_view(*row.text_b) : std::string_view(), &index_b);
  out->text = e.sides;
  for (size_t i = 0; i < e.spans.size(); ++i) {
    const bool special = e.sides[i] < 0;
    out->bytes.push_back({e.spans[i].begin, e.spans[i].end});
    out->chars.push_back(special ? TokenOffsets{}
                                 : chars_of(e.spans[i], e.sides[i] == 1 ? index_b : index_a));
  }
}

}  // namespace

struct Tokenizer::Impl {
  text::Tokenizer tokenizer;
};

Tokenizer::Tokenizer(const std::string& directory)
    : impl_(std::make_unique<Impl>(Impl{text::Tokenizer(directory)})) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

void Tokenizer::encode(const Example& row, const EncodeOptions& options, Tokens* out) const {
  out->text.clear();
  out->bytes.clear();
  out->chars.clear();
  if (row.has_ids) {
    out->ids = row.input_ids;
    out->type_ids = row.token_type_ids;
    out->type_ids.resize(out->ids.size(), 0);
    out->bad_utf8 = out->truncated = false;
    return;
  }
  thread_local text::Encoding e;
  EncodeOptions with_offsets = options;
  with_offsets.offsets = true;
  runtime::encode_texts(impl_->tokenizer, row, with_offsets, &e);
  out->ids = e.ids;
  out->type_ids = e.type_ids;
  out->bad_utf8 = e.bad_utf8;
  out->truncated = e.truncated;
  set_offsets(row, e, out);
}

std::string Tokenizer::token(int32_t id) const { return impl_->tokenizer.token(id); }
const std::string& Tokenizer::kind() const { return impl_->tokenizer.kind(); }
int64_t Tokenizer::vocab_size() const { return impl_->tokenizer.vocab_size(); }

}  // namespace costeff
