#include "text/pipeline/aligned_text.h"

#include <algorithm>

#include "base/utf8.h"

namespace costeff::text {

void AlignedText::start(std::string_view from, size_t offset, bool align) {
  text.assign(from);
  source.clear();
  aligned = align;
  origin.begin = origin.end = static_cast<int32_t>(offset);
  if (!align) return;
  bool bad = false;
  for (size_t at = 0; at < from.size();) {
    const size_t begin = at;
    next_code_point(from, &at, &bad);
    source.resize(at, {static_cast<int32_t>(offset + begin), static_cast<int32_t>(offset + at)});
  }
}

Rewrite::Rewrite(AlignedText* text, AlignedText* spare) : text_(text), out_(spare) {
  out_->text.clear();
  out_->source.clear();
  out_->aligned = text->aligned;
  out_->origin = text->origin;
}

void Rewrite::append(uint32_t c, Span from) {
  append_utf8(c, &out_->text);
  if (text_->aligned) out_->source.resize(out_->text.size(), from);
}

void Rewrite::put(uint32_t c, int64_t change) {
  if (!text_->aligned) return append(c, {});
  const std::vector<Span>& source = text_->source;
  if (change > 0) return append(c, at_ == 0 ? text_->origin : source[at_ - 1]);
  // The library's changes never do this at the end; its own answer there would be a panic.
  append(c, at_ < source.size() ? source[at_] : source.empty() ? text_->origin : source.back());
  drop(1 - change);
}

void Rewrite::drop(int64_t characters) {
  if (!text_->aligned) return;
  bool bad = false;
  while (characters-- > 0 && at_ < text_->text.size()) next_code_point(text_->text, &at_, &bad);
}

void Rewrite::copy(size_t begin, size_t end) {
  out_->text.append(text_->text, begin, end - begin);
  if (text_->aligned) {
    const auto from = text_->source.begin();
    out_->source.insert(out_->source.end(), from + static_cast<std::ptrdiff_t>(begin),
                        from + static_cast<std::ptrdiff_t>(end));
  }
  at_ = end;
}

void Rewrite::insert(std::string_view content) {
  out_->text.append(content);
  if (!text_->aligned) return;
  out_->source.resize(out_->text.size(), at_ == 0 ? text_->origin : text_->source[at_ - 1]);
}

size_t Rewrite::prepend(std::string_view content, size_t begin) {
  bool bad = false;
  size_t end = begin;
  next_code_point(text_->text, &end, &bad);
  out_->text.append(content).append(text_->text, begin, end - begin);
  if (text_->aligned) out_->source.resize(out_->text.size(), text_->source[begin]);
  at_ = end;
  return end;
}

void Rewrite::finish() { std::swap(*text_, *out_); }

}  // namespace costeff::text
