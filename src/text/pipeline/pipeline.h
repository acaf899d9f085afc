#pragma once

// A tokenizer.json of any form: normalizer, pre_tokenizer, model, and the part of the
// post_processor that moves offsets. Its tokens are those of the Rust tokenizers library. The forms
// of BERT and RoBERTa have faster ways: wordpiece.h and byte_bpe.h.
//
// How the face calls it, for each stretch of text between special tokens:
//   pipeline.start(stretch, offset, spans_too, &scratch);    // scratch.text: the normalised text
//   pipeline.encode(begin, end, text, &scratch, &sink);      // a part without added tokens
//   pipeline.put(id, spelling, span, text, &sink);           // an added token

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "text/pipeline/char_bpe.h"
#include "text/pipeline/normalizer.h"
#include "text/pipeline/pre_tokenizer.h"
#include "text/pipeline/unigram_model.h"
#include "text/pipeline/word_model.h"
#include "text/tokens/token_sink.h"
#include "text/tokens/trim_span.h"

namespace costeff::text {

class Pipeline {
 public:
  struct Scratch {
    AlignedText text;  // the stretch, normalised
    AlignedText part;  // a part of it, on its way through the pre-tokenizer
    PreTokenizerScratch words;
    WordModel::Scratch word_model;
    CharBpe::Scratch bpe;
    UnigramModel::Scratch unigram;
    std::vector<WordToken> tokens;
  };
  using Model = std::variant<WordModel, CharBpe, UnigramModel>;

  Pipeline() = default;
  Pipeline(std::vector<NormalizerStep> normalizer, std::vector<PreTokenizerStep> pre_tokenizer,
           Model model, const TrimOptions& trim);

  // Normalises the stretch of the text that begins at byte `offset`. Throws Error(input) for more
  // than 32 MB.
  void start(std::string_view stretch, size_t offset, bool spans, Scratch* scratch) const;
  // Appends the tokens of bytes [begin, end) of scratch->text. `text` is the whole text, to which
  // the spans refer.
  void encode(size_t begin, size_t end, std::string_view text, Scratch* scratch,
              TokenSink* sink) const;
  // Appends a token whose spelling in the text is `spelling`.
  void put(int32_t id, std::string_view spelling, Span span, std::string_view text,
           TokenSink* sink) const;

  // The text of an added token as it is searched for.
  std::string normalised(std::string_view content) const;
  const Vocab& vocab() const;

 private:
  std::vector<NormalizerStep> normalizer_;
  std::vector<PreTokenizerStep> pre_tokenizer_;
  Model model_;
  TrimOptions trim_;
  bool needs_alignment_ = false;
};

}  // namespace costeff::text
