#include "text/pipeline/normalizer.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/bpe/byte_bpe.h"
#include "text/chars/char_class.h"
#include "text/chars/char_tables.h"

namespace costeff::text {
namespace {

// Calls each(c, &out) for each code point c of the text. What that writes to `out` is the new text.
template <typename Each>
void rewrite_each(AlignedText* text, AlignedText* spare, Each&& each) {
  Rewrite out(text, spare);
  bool bad = false;
  for (size_t at = 0; at < text->text.size();) {
    each(next_code_point(text->text, &at, &bad), &out);
  }
  out.finish();
}

// Keeps the characters for which keep(c) is true. Those removed count with the character before
// them; at the start they are skipped.
template <typename Keep>
void filter(AlignedText* text, AlignedText* spare, Keep&& keep) {
  Rewrite out(text, spare);
  bool bad = false, holds = false, any = false;
  uint32_t held = 0;
  int64_t gone = 0;
  const auto flush = [&] {
    if (holds) out.put(held, -gone);
    if (!holds) out.drop(gone);
    gone = 0;
  };
  for (size_t at = 0; at < text->text.size();) {
    const uint32_t c = next_code_point(text->text, &at, &bad);
    if (!keep(c)) {
      ++gone;
      any = true;
      continue;
    }
    flush();
    held = c;
    holds = true;
  }
  if (!any) return;
  flush();
  out.finish();
}

void lowercase(AlignedText* text, AlignedText* spare) {
  rewrite_each(text, spare, [](uint32_t c, Rewrite* out) {
    if (c != 0x130) return out->put(lower_case(c), 0);
    out->put('i', 0);
    out->put(0x307, 1);
  });
}

bool is_ideograph(uint32_t c) { return bert_class(c) == BertClass::ideograph; }

void clean_bert_text(AlignedText* text, AlignedText* spare) {
  filter(text, spare, [](uint32_t c) { return bert_class(c) != BertClass::deleted; });
  rewrite_each(text, spare, [](uint32_t c, Rewrite* out) {
    out->put(bert_class(c) == BertClass::space ? ' ' : c, 0);
  });
}

void bert_steps(const NormalizerStep& step, AlignedText* text, NormalizerScratch* scratch) {
  AlignedText* spare = &scratch->spare;
  if (step.clean_text) clean_bert_text(text, spare);
  if (step.bert.split_ideographs) {
    rewrite_each(text, spare, [](uint32_t c, Rewrite* out) {
      if (!is_ideograph(c)) return out->put(c, 0);
      out->put(' ', 0);
      out->put(c, 1);
      out->put(' ', 1);
    });
  }
  if (step.bert.strip_accents) {
    to_form(UnicodeForm::nfd, text, spare, &scratch->form);
    filter(text, spare, [](uint32_t c) { return bert_class(c) != BertClass::accent; });
  }
  if (step.bert.lower_case) lowercase(text, spare);
}

void strip(const NormalizerStep& step, AlignedText* text, AlignedText* spare) {
  size_t begin = 0, end = text->text.size();
  bool bad = false;
  if (step.left) {
    for (size_t at = 0; at < text->text.size(); begin = at) {
      if (!is_white_space(next_code_point(text->text, &at, &bad))) break;
    }
  }
  if (step.right) {
    end = begin;
    for (size_t at = begin; at < text->text.size();) {
      if (!is_white_space(next_code_point(text->text, &at, &bad))) end = at;
    }
  }
  if (begin == 0 && end == text->text.size()) return;
  Rewrite out(text, spare);
  out.copy(begin, end);
  out.finish();
}

// Source: sentencepiece's normalisation for machine translation, in the Rust library's form.
bool nmt_deletes(uint32_t c) {
  return (c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F ||
         c == 0x9F;
}
bool nmt_is_space(uint32_t c) {
  return c == 9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 ||
         (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF ||
         c == 0xFFFD;
}

void replace(const NormalizerStep& step, AlignedText* text, NormalizerScratch* scratch) {
  scratch->regex.steps = pattern_steps(text->text.size());
  if (text->text.empty()) return;
  step.pattern.find(text->text, &scratch->regex, &scratch->parts);
  Rewrite out(text, &scratch->spare);
  for (const PatternPart& part : scratch->parts) {
    if (part.found) {
      out.move_to(part.end);
      out.insert(step.content);
    } else {
      out.copy(part.begin, part.end);
    }
  }
  out.finish();
}

void apply(const NormalizerStep& step, AlignedText* text, NormalizerScratch* scratch) {
  using Kind = NormalizerStep::Kind;
  AlignedText* spare = &scratch->spare;
  switch (step.kind) {
    case Kind::bert:
      return bert_steps(step, text, scratch);
    case Kind::strip:
      return strip(step, text, spare);
    case Kind::strip_accents:
      return filter(text, spare, [](uint32_t c) { return !is_stripped_mark(c); });
    case Kind::form:
      return to_form(step.form, text, spare, &scratch->form);
    case Kind::lowercase:
      return lowercase(text, spare);
    case Kind::nmt:
      filter(text, spare, [](uint32_t c) { return !nmt_deletes(c); });
      return rewrite_each(text, spare,
                          [](uint32_t c, Rewrite* out) { out->put(nmt_is_space(c) ? ' ' : c, 0); });
    case Kind::precompiled:
      return step.precompiled.apply(text, spare);
    case Kind::replace:
      return replace(step, text, scratch);
    case Kind::prepend: {
      if (text->text.empty()) return;
      Rewrite out(text, spare);
      out.copy(out.prepend(step.content, 0), text->text.size());
      return out.finish();
    }
    case Kind::bytes: {
      Rewrite out(text, spare);
      put_byte_spellings(text->text, 0, text->text.size(), &out);
      return out.finish();
    }
  }
}

}  // namespace

void put_byte_spellings(std::string_view text, size_t begin, size_t end, Rewrite* out) {
  bool bad = false;
  for (size_t at = begin; at < end;) {
    const size_t first = at;
    next_code_point(text, &at, &bad);
    for (size_t i = first; i < at; ++i) {
      out->put(byte_stand_in(static_cast<uint8_t>(text[i])), i == first ? 0 : 1);
    }
  }
}

void normalize(const std::vector<NormalizerStep>& steps, AlignedText* text,
               NormalizerScratch* scratch) {
  for (const NormalizerStep& step : steps) apply(step, text, scratch);
}

}  // namespace costeff::text
