#pragma once

// The inside of a Tokenizer, for tokenizer.cpp (encoding) and tokenizer_load.cpp (reading files).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/bpe/byte_bpe.h"
#include "text/config/tokenizer_class.h"
#include "text/config/tokenizer_config.h"
#include "text/config/tokenizer_files.h"
#include "text/pipeline/pipeline.h"
#include "text/sentencepiece/sentencepiece_model.h"
#include "text/tokenizer.h"
#include "text/tokens/added_tokens.h"
#include "text/tokens/pair.h"
#include "text/tokens/vocab.h"
#include "text/wordpiece/wordpiece.h"

namespace costeff::text {

struct Scratch;

// The model under the special tokens.
enum class Kind { wordpiece, bpe, sentencepiece, pipeline };

// The options of tokenizer_config.json, with BERT's defaults.
BertOptions bert_options(const TokenizerConfig& config, const TokenizerOptions& options);
// Name the special tokens of these classes if no file does.
void set_bert_roles(TokenizerConfig* config);
void set_roberta_roles(TokenizerConfig* config);

struct Tokenizer::Impl {
  Kind model = Kind::wordpiece;
  std::string kind, vocab_file;
  std::optional<int64_t> model_max_length;
  int64_t vocab_size = 0;
  bool truncates_left = false;
  std::vector<AddedToken> added;
  TokenFinder raw_tokens, normalised_tokens;
  Template form;

  Vocab vocab;  // of wordpiece
  WordPiece wordpiece;
  ByteBpe bpe;
  SentencePieceModel spm;
  Pipeline pipeline;

  void load_wordpiece(const TokenizerFiles& files, TokenizerConfig config,
                      const TokenizerOptions& options);
  void load_bpe(const TokenizerFiles& files, TokenizerConfig config,
                const TokenizerOptions& options);
  void load_sentencepiece(const TokenizerFiles& files, const std::string& name,
                          TokenizerConfig config, const TokenizerOptions& options);
  void load_json(const TokenizerFiles& files, TokenizerConfig config, ClassFamily family,
                 const TokenizerOptions& options);
  // unk: the unknown token's id; absent: that of the one the configuration names.
  void set_wordpiece(const TokenizerConfig& config, const BertOptions& bert,
                     std::optional<int32_t> unk);
  void set_byte_bpe(Vocab tokens, const std::vector<BpeMerge>& merges, const BpeOptions& options,
                    const std::string& vocab_place, const std::string& merges_place);
  int32_t find(std::string_view token) const;
  std::string token_name(int32_t id) const;
  int32_t id_of(const TokenizerConfig& config, Role role) const;
  void set_added(const TokenizerConfig& config);

  void encode_text(std::string_view text, Scratch* scratch, TokenSink* sink, bool* bad_utf8) const;
  void encode_stretches(std::string_view text, Scratch* scratch, TokenSink* sink) const;
  void encode_normalised(std::string_view text, size_t offset, Scratch* scratch,
                         TokenSink* sink) const;
  void encode_by_pipeline(std::string_view text, Stretch s, Scratch* scratch,
                          TokenSink* sink) const;
  void put_added(std::string_view text, Stretch s, size_t base, TokenSink* sink) const;
  void encode_plain(std::string_view text, size_t offset, Scratch* scratch, TokenSink* sink) const;
};

}  // namespace costeff::text
