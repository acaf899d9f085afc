#include "text/tokenizer.h"

#include <algorithm>
#include <limits>

#include "base/fail.h"
#include "text/chars/decoded_text.h"
#include "text/tokenizer_impl.h"

namespace costeff::text {

// Buffers of one encode() call. Each thread has one set, so that nothing is allocated once they
// have grown.
struct Scratch {
  TokenSink a, b;
  std::string decoded, normalised;
  std::vector<Span> decoded_source, normalised_source;
  ByteBpe::Scratch bpe;
  SentencePieceModel::Scratch spm;
  Pipeline::Scratch pipeline;
};

namespace {

Scratch& thread_scratch() {
  thread_local Scratch scratch;
  return scratch;
}

}  // namespace

int32_t Tokenizer::Impl::find(std::string_view token) const {
  switch (model) {
    case Kind::wordpiece:
      return vocab.find(token);
    case Kind::bpe:
      return bpe.vocab().find(token);
    case Kind::pipeline:
      return pipeline.vocab().find(token);
    case Kind::sentencepiece:
      break;
  }
  return spm.find(token);
}

std::string Tokenizer::Impl::token_name(int32_t id) const {
  std::string name;
  switch (model) {
    case Kind::wordpiece:
      name = vocab.token(id);
      break;
    case Kind::bpe:
      name = bpe.vocab().token(id);
      break;
    case Kind::sentencepiece:
      name = spm.token(id);
      break;
    case Kind::pipeline:
      name = pipeline.vocab().token(id);
      break;
  }
  if (!name.empty()) return name;
  for (const AddedToken& t : added) {
    if (t.id == id) return t.content;
  }
  return {};
}

void Tokenizer::Impl::encode_plain(std::string_view text, size_t offset, Scratch* scratch,
                                   TokenSink* sink) const {
  const int64_t at = static_cast<int64_t>(offset);
  switch (model) {
    case Kind::wordpiece:
      return wordpiece.encode(text, at, sink);
    case Kind::bpe:
      return bpe.encode(text, at, &scratch->bpe, sink);
    case Kind::sentencepiece:
      return spm.encode(text, at, &scratch->spm, sink);
    case Kind::pipeline:
      break;  // encode_by_pipeline
  }
}

void Tokenizer::Impl::encode_text(std::string_view text, Scratch* scratch, TokenSink* sink,
                                  bool* bad_utf8) const {
  constexpr size_t kMaxTextBytes = std::numeric_limits<int32_t>::max();
  if (text.size() > kMaxTextBytes) {
    fail_input("a text of {} bytes, at most {} are supported", text.size(), kMaxTextBytes);
  }
  if (is_utf8_fast(text)) return encode_stretches(text, scratch, sink);
  *bad_utf8 = true;
  decode_bad_utf8(text, &scratch->decoded, sink->want_spans ? &scratch->decoded_source : nullptr);
  encode_stretches(scratch->decoded, scratch, sink);
  map_spans(scratch->decoded_source, 0, &sink->spans);
}

// The white space that an added token includes (lstrip, rstrip) is in its span, unless a
// post-processor removes it.
void Tokenizer::Impl::put_added(std::string_view text, Stretch s, size_t base,
                                TokenSink* sink) const {
  Span span{static_cast<int32_t>(s.begin), static_cast<int32_t>(s.end)};
  if (sink->want_spans && model == Kind::bpe) {
    span = trim_span(bpe.trim(), span, text.substr(s.begin, s.end - s.begin), text,
                     sink->count == 0 || base + s.begin == 0);
  }
  const auto from = static_cast<int64_t>(base);
  sink->put(s.id, from + span.begin, from + span.end);
}

void Tokenizer::Impl::encode_stretches(std::string_view text, Scratch* scratch,
                                       TokenSink* sink) const {
  TokenSplitter splitter(raw_tokens, text);
  for (Stretch s; !sink->done() && splitter.next(&s);) {
    if (model == Kind::pipeline) {
      encode_by_pipeline(text, s, scratch, sink);
    } else if (s.id >= 0) {
      put_added(text, s, 0, sink);
    } else if (normalised_tokens.empty()) {
      encode_plain(text.substr(s.begin, s.end - s.begin), s.begin, scratch, sink);
    } else {
      encode_normalised(text.substr(s.begin, s.end - s.begin), s.begin, scratch, sink);
    }
  }
}

// Encodes text that may hold tokens which are searched for after normalisation. BERT's
// normalisation changes nothing the second time, so the text between them is encoded like any
// other. Byte-level BPE has none, and sentencepiece's is out of reach inside the library: with
// these, such tokens are found as they are written.
void Tokenizer::Impl::encode_normalised(std::string_view text, size_t offset, Scratch* scratch,
                                        TokenSink* sink) const {
  const bool rewrites = model == Kind::wordpiece;
  const size_t first = sink->spans.size();
  if (rewrites) {
    bert_normalize(text, wordpiece.options(), &scratch->normalised,
                   sink->want_spans ? &scratch->normalised_source : nullptr);
    text = scratch->normalised;
  }
  const size_t base = rewrites ? 0 : offset;
  TokenSplitter splitter(normalised_tokens, text);
  for (Stretch s; !sink->done() && splitter.next(&s);) {
    if (s.id >= 0) {
      put_added(text, s, base, sink);
    } else {
      encode_plain(text.substr(s.begin, s.end - s.begin), base + s.begin, scratch, sink);
    }
  }
  if (!rewrites) return;
  map_spans(scratch->normalised_source, first, &sink->spans);
  for (size_t i = first; i < sink->spans.size(); ++i) {
    sink->spans[i].begin += static_cast<int32_t>(offset);
    sink->spans[i].end += static_cast<int32_t>(offset);
  }
}

// Encodes a token that was found in the text as given, or a stretch between such tokens.
void Tokenizer::Impl::encode_by_pipeline(std::string_view text, Stretch stretch, Scratch* scratch,
                                         TokenSink* sink) const {
  if (stretch.id >= 0) {
    const Span span{static_cast<int32_t>(stretch.begin), static_cast<int32_t>(stretch.end)};
    return pipeline.put(stretch.id, text.substr(stretch.begin, stretch.end - stretch.begin), span,
                        text, sink);
  }
  Pipeline::Scratch* own = &scratch->pipeline;
  pipeline.start(text.substr(stretch.begin, stretch.end - stretch.begin), stretch.begin,
                 sink->want_spans, own);
  const std::string_view normalised = own->text.text;
  TokenSplitter splitter(normalised_tokens, normalised);
  for (Stretch s; !sink->done() && splitter.next(&s);) {
    if (s.id < 0) {
      pipeline.encode(s.begin, s.end, text, own, sink);
      continue;
    }
    Span span{0, 0};
    if (sink->want_spans) {
      span = {own->text.source[s.begin].begin, own->text.source[s.end - 1].end};
    }
    pipeline.put(s.id, normalised.substr(s.begin, s.end - s.begin), span, text, sink);
  }
}

Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

void Tokenizer::encode(std::string_view text_a, const std::optional<std::string_view>& text_b,
                       const EncodeOptions& options, Encoding* out) const {
  const bool is_pair = text_b.has_value();
  const int64_t budget = token_budget(impl_->form, is_pair, options);
  const int64_t limit = budget < 0 ? std::numeric_limits<int64_t>::max() : budget;
  // The number of tokens beyond the limit matters only for how pairs are cut.
  const bool stop = budget == 0 || (!is_pair && options.truncation != Truncation::only_second);
  Scratch& scratch = thread_scratch();
  out->bad_utf8 = false;
  scratch.a.reset(limit, options.offsets, stop, impl_->truncates_left);
  impl_->encode_text(text_a, &scratch, &scratch.a, &out->bad_utf8);
  if (is_pair) {
    scratch.b.reset(limit, options.offsets, stop, impl_->truncates_left);
    impl_->encode_text(*text_b, &scratch, &scratch.b, &out->bad_utf8);
  }
  assemble(impl_->form, scratch.a, scratch.b, is_pair, budget, options, out);
}

const std::string& Tokenizer::kind() const { return impl_->kind; }
int64_t Tokenizer::vocab_size() const { return impl_->vocab_size; }
bool Tokenizer::truncates_left() const { return impl_->truncates_left; }
std::optional<int64_t> Tokenizer::model_max_length() const { return impl_->model_max_length; }
const std::string& Tokenizer::vocab_file() const { return impl_->vocab_file; }
int64_t Tokenizer::special_tokens(bool pair) const { return impl_->form.specials(pair); }

std::string Tokenizer::token(int32_t id) const { return impl_->token_name(id); }

}  // namespace costeff::text
