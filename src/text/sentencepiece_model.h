#pragma once

// A sentencepiece model with the ids its kind of checkpoint gives. The library normalises and cuts;
// the cuts of unigram models are then made anew for the sake of equally good ones (unigram.h).
//
// How the face calls it:
//   const SpmFile file = check_spm_bytes(bytes, path);     // sentencepiece.bpe.model, spiece.model
//   const SpmKind kind = spm_kind(tokenizer_class, file);  // "" if no file names a class
//   SentencePieceModel spm(file, kind, albert_options);    // the last for kind.albert only
//   SentencePieceModel::Scratch scratch;                   // one a thread
//   spm.encode(stretch, offset, &scratch, &sink);          // text between special tokens
//   spm.find("<s>"), spm.token(id), spm.vocab_size()
// kind.cls, .sep, ... are what the special tokens are called where no file names them; kind.albert:
// BERT's template, else RoBERTa's. Special tokens in the text are the caller's business: the
// library never gives a control piece. All of it throws Error(model). A model does not change;
// threads may share it.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/albert_text.h"
#include "text/spm_file.h"
#include "text/token_sink.h"
#include "text/unigram.h"

namespace costeff::text {

// How ids come from pieces: id = piece + offset, but for the tokens named in `fixed`.
struct SpmKind {
  const char* name = "";  // "XLM-R", ...
  int32_t offset = 0;
  int32_t unk = -1;  // the id of the unknown piece; -1: by the rule
  // Tokens that are no pieces, or go before the pieces of the same text.
  std::vector<std::pair<std::string, int32_t>> fixed;
  bool mask_last = false;  // "<mask>" comes after the pieces: its id is pieces + offset
  bool albert = false;     // albert_text() first; a piece like "9," is cut again
  const char *cls = "<s>", *sep = "</s>", *unk_token = "<unk>", *pad = "<pad>", *mask = "<mask>";
};

// The kind of a checkpoint, by tokenizer_class with or without "Fast". An empty class, or one that
// says nothing (PreTrainedTokenizer): ALBERT if [CLS] and [SEP] are pieces, BARThez if <s> is piece
// 0, else XLM-R. Throws Error(model): a class that is not supported, or whose pieces do not lie as
// it needs.
//   XLM-R      <s> 0, <pad> 1, </s> 2, <unk> 3, piece p > 0 has p + 1, <mask> after the last
//   CamemBERT  <s>NOTUSED 0, <pad> 1, </s>NOTUSED 2, <unk> 3, <unk>NOTUSED 4, piece p > 0 has
//              p + 4, <mask> after the last
//   BARThez    as the pieces lie
//   ALBERT     as the pieces lie
SpmKind spm_kind(std::string_view tokenizer_class, const SpmFile& file);
// The class that goes with a model_type of config.json; empty: the pieces must tell. That of
// BARThez is "mbart", which other tokenizers share.
std::string_view spm_class_of_model(std::string_view model_type);

// A piece and the bytes of the text it came from.
struct SpmCut {
  int piece = 0;
  size_t begin = 0, end = 0;
};

class SentencePieceModel {
 public:
  // Memory that calls reuse. The library allocates besides.
  struct Scratch {
    std::string text;          // ALBERT: the text as the library gets it
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

  // Appends the tokens of `text`, UTF-8 of less than 1 GB. Spans are relative to `text`, moved by
  // `offset`, without white space at their ends; that of a blank alone is the first character of
  // the word after it.
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
