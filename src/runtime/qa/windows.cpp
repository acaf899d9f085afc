#include "runtime/qa/windows.h"

#include <algorithm>
#include <span>
#include <string>

#include "base/fail.h"
#include "base/utf8.h"

namespace costeff::runtime {
namespace {

constexpr int64_t kDefaultStride = 128;  // run_squad's

// What Python's str.lstrip() strips.
bool is_space(uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

// `text` from its first character that is not white space.
std::string_view without_leading_space(std::string_view text) {
  size_t begin = 0;
  for (size_t at = 0; at < text.size(); begin = at) {
    bool bad = false;
    if (!is_space(next_code_point(text, &at, &bad)) || bad) break;
  }
  return text.substr(begin);
}

[[noreturn]] void fail_question(const QaExample& example, const std::string& what) {
  fail_input("{}{}{}", example.place, example.place.empty() ? "" : ": ", what);
}

std::string tokens_text(int64_t n) { return fmt::format("{} {}", n, n == 1 ? "token" : "tokens"); }

int64_t choose_stride(const QaExample& example, const QaOptions& options, int64_t width) {
  if (options.doc_stride < 0) return std::min({kDefaultStride, options.max_length / 2, width / 2});
  if (options.doc_stride < width) return options.doc_stride;
  fail_question(example,
                fmt::format("the question leaves room for {} of the context in a window of {}, "
                            "expected more than the document stride, {}",
                            tokens_text(width), options.max_length, options.doc_stride));
}

}  // namespace

void encode_question(const model::Model& m, const text::Tokenizer& tokenizer,
                     const QaExample& example, const QaOptions& options, WindowedText* out) {
  if (!example.error.empty()) throw_input(example.error);
  try {
    tokenizer.encode(without_leading_space(example.question), example.context, {.offsets = true},
                     &out->whole);
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::input) throw;
    fail_question(example, e.what());
  }
  text::Encoding& pair = out->whole;
  // A model with one token type (RoBERTa), or none (DistilBERT), treats every token as type 0.
  if (m.arch.type_vocab_size < 2) std::fill(pair.type_ids.begin(), pair.type_ids.end(), 0);
  const auto first = std::find(pair.sides.begin(), pair.sides.end(), int8_t{1});
  out->head = first - pair.sides.begin();
  out->context = std::count(first, pair.sides.end(), int8_t{1});
  const int64_t width = options.max_length - (static_cast<int64_t>(pair.ids.size()) - out->context);
  if (width < std::min<int64_t>(out->context, 1)) {
    const int64_t question = std::count(pair.sides.begin(), pair.sides.end(), int8_t{0});
    fail_question(example,
                  fmt::format("the question has {}, which leaves no room for the context in {}",
                              tokens_text(question), options.max_length));
  }
  const bool one = out->context <= width;
  out->from_end = tokenizer.truncates_left();
  out->windows = cut_windows(out->context, width, one ? 0 : choose_stride(example, options, width));
}

}  // namespace costeff::runtime
