#include "text/pipeline/pipeline.h"

#include <algorithm>

#include "base/fail.h"

namespace costeff::text {
namespace {

constexpr size_t kMaxStretch = 32u << 20;  // bytes; each takes up to 100 bytes of memory

// Where bytes [first, last) come from. A token without bytes has an empty span at its place.
Span span_of(const AlignedText& text, size_t first, size_t last) {
  if (first < last) return {text.source[first].begin, text.source[last - 1].end};
  const int32_t at = first > 0 ? text.source[first - 1].end : text.source[first].begin;
  return {at, at};
}

}  // namespace

Pipeline::Pipeline(std::vector<NormalizerStep> normalizer,
                   std::vector<PreTokenizerStep> pre_tokenizer, Model model,
                   const TrimOptions& trim)
    : normalizer_(std::move(normalizer)),
      pre_tokenizer_(std::move(pre_tokenizer)),
      model_(std::move(model)),
      trim_(trim) {
  needs_alignment_ =
      std::any_of(pre_tokenizer_.begin(), pre_tokenizer_.end(),
                  [](const PreTokenizerStep& step) { return step.needs_alignment(); });
}

void Pipeline::start(std::string_view stretch, size_t offset, bool spans, Scratch* scratch) const {
  if (stretch.size() > kMaxStretch) {
    fail_input("a text of {} bytes, at most {} are supported by this tokenizer", stretch.size(),
               kMaxStretch);
  }
  scratch->text.start(stretch, offset, spans || needs_alignment_);
  normalize(normalizer_, &scratch->text, &scratch->words.normalizer);
}

void Pipeline::encode(size_t begin, size_t end, std::string_view text, Scratch* scratch,
                      TokenSink* sink) const {
  AlignedText& part = scratch->part;
  part.text.assign(scratch->text.text, begin, end - begin);
  part.aligned = scratch->text.aligned;
  part.origin = scratch->text.origin;
  part.source.clear();
  if (part.aligned) {
    const auto from = scratch->text.source.begin();
    part.source.assign(from + static_cast<std::ptrdiff_t>(begin),
                       from + static_cast<std::ptrdiff_t>(end));
  }
  pre_tokenize(pre_tokenizer_, &part, &scratch->words);
  for (const WordSpan w : scratch->words.words) {
    if (sink->done()) return;
    const std::string_view word = std::string_view(part.text).substr(w.begin, w.end - w.begin);
    std::vector<WordToken>& tokens = scratch->tokens;
    tokens.clear();
    const bool unigram = std::holds_alternative<UnigramModel>(model_);
    if (const auto* model = std::get_if<WordModel>(&model_)) {
      model->encode(word, &scratch->word_model, &tokens);
    } else if (const auto* bpe = std::get_if<CharBpe>(&model_)) {
      bpe->encode(word, &scratch->bpe, &tokens);
    } else {
      std::get<UnigramModel>(model_).encode(word, &scratch->unigram, &tokens);
    }
    for (const WordToken& t : tokens) {
      const size_t first = w.begin + t.begin, last = w.begin + t.end;
      const Span span = sink->want_spans ? span_of(part, first, last) : Span{0, 0};
      put(t.id, unigram ? word.substr(t.begin, t.end - t.begin) : vocab().token(t.id), span, text,
          sink);
    }
  }
}

void Pipeline::put(int32_t id, std::string_view spelling, Span span, std::string_view text,
                   TokenSink* sink) const {
  if (sink->want_spans) {
    span = trim_span(trim_, span, spelling, text, sink->count == 0 || span.begin == 0);
  }
  sink->put(id, span.begin, span.end);
}

std::string Pipeline::normalised(std::string_view content) const {
  Scratch scratch;
  start(content, 0, false, &scratch);
  return scratch.text.text;
}

const Vocab& Pipeline::vocab() const {
  return std::visit([](const auto& model) -> const Vocab& { return model.vocab(); }, model_);
}

}  // namespace costeff::text
