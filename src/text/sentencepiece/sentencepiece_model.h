#pragma once

// A sentencepiece model with the ids of its kind of checkpoint. The library normalises and cuts.
// Unigram models are then cut again here, because rounding decides between equally good cuts
// (unigram.h).
//
// How the face calls it:
//   const SpmFile file = parse_spm_bytes(bytes, path);     // sentencepiece.bpe.model, spiece.model
//   const SpmKind kind = spm_kind(tokenizer_class, file);  // "" if no file names a class
//   SentencePieceModel spm(file, kind, albert_options);    // the last for kind.albert only
//   SentencePieceModel::Scratch scratch;                   // one per thread
//   spm.encode(stretch, offset, &scratch, &sink);          // text between special tokens
//   spm.find("<s>"), spm.token(id), spm.vocab_size()
// kind.cls, .sep, ... name the special tokens where no file does; kind.albert: BERT's template,
// else RoBERTa's. The caller finds special tokens in the text: the library never returns a control
// piece. Bad files throw Error(model). A model does not change; threads may share it.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/sentencepiece/albert_text.h"
#include "text/sentencepiece/spm_file.h"
#include "text/sentencepiece/spm_kind.h"
#include "text/sentencepiece/unigram.h"
#include "text/tokens/token_sink.h"

namespace costeff::text {

// A piece and the bytes of the text it came from.
struct SpmCut {
  int piece = 0;
  size_t begin = 0, end = 0;
};

class SentencePieceModel {
 public:
  // Memory that calls reuse. The library allocates its own.
  struct Scratch {
    std::string text;          // ALBERT: the text that the library gets
    std::vector<Span> source;  // [text]
    std::vector<SpmCut> cuts, library_cuts;
    std::string normalised;               // what the library's pieces spell
    std::vector<size_t> normalised_ends;  // [library_cuts] their ends in it
    Unigram::Scratch unigram;
    std::vector<Unigram::Cut> unigram_cuts;
  };

  SentencePieceModel();
  SentencePieceModel(const SpmFile& file, const SpmKind& kind, const AlbertOptions& albert);
  ~SentencePieceModel();
  SentencePieceModel(SentencePieceModel&&) noexcept;
  SentencePieceModel& operator=(SentencePieceModel&&) noexcept;

  // Appends the tokens of `text`, which is UTF-8. Throws Error(input) for more than 32 MB. Spans
  // are relative to `text`, moved by `offset`, without white space at their ends; a lone blank has
  // the first character of the word after it.
  void encode(std::string_view text, int64_t offset, Scratch* scratch, TokenSink* sink) const;

  const SpmKind& kind() const;
  int64_t vocab_size() const;                  // largest id + 1
  std::string token(int32_t id) const;         // empty if there is no such id
  int32_t find(std::string_view token) const;  // -1: not there

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace costeff::text
