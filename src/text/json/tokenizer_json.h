#pragma once

// tokenizer.json, the Rust tokenizers' own file, as plain data.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/json/json_part.h"
#include "text/pipeline/char_bpe.h"
#include "text/pipeline/normalizer.h"
#include "text/pipeline/pipeline.h"
#include "text/pipeline/pre_tokenizer.h"
#include "text/tokens/added_tokens.h"
#include "text/tokens/pair.h"

namespace costeff::text {

struct ModelSpec {
  enum class Kind { wordpiece, wordlevel, bpe, unigram } kind = Kind::wordpiece;
  std::vector<std::pair<std::string, int64_t>> vocab;       // of all but unigram
  std::vector<std::pair<std::string, std::string>> merges;  // of bpe
  CharBpeOptions bpe;                                       // of bpe
  WordModelOptions word;                                    // of wordpiece and wordlevel
  std::vector<std::pair<std::string, double>> pieces;       // of unigram
  int32_t unk_id = -1;                                      // of unigram; -1: none
  bool byte_fallback = false;                               // of unigram
};

struct TokenizerJson {
  std::vector<NormalizerStep> normalizer;
  std::vector<PreTokenizerStep> pre_tokenizer;
  ModelSpec model;
  Template form;
  TrimOptions trim;
  std::vector<AddedToken> added;
  // True if the part is this one step, and not a Sequence.
  bool is_bert_normalizer = false, is_byte_level = false;
  bool truncates_left = false;  // "truncation" names the side; its length is not used

  // True for BERT's pipeline: BertNormalizer, BertPreTokenizer, WordPiece with "##".
  bool is_bert() const;
  // True for GPT-2's: ByteLevel and a byte-level BPE.
  bool is_byte_bpe() const;
};

inline constexpr uint64_t kMaxTokenizerJsonBytes = 64u << 20;

// Reads the text of the file. Throws Error(model) that names the part that is missing, wrong or not
// supported; `place` begins messages.
TokenizerJson parse_tokenizer_json(std::string_view text, const std::string& place);

// These read one part each, and are in files of their own.
std::vector<NormalizerStep> read_normalizer(const JsonPart& file);
std::vector<PreTokenizerStep> read_pre_tokenizer(const JsonPart& file);
ModelSpec read_model(const JsonPart& file);
void read_post_processor(const JsonPart& file, TokenizerJson* out);
TextPattern read_pattern(const JsonPart& part);  // {"String": ...} or {"Regex": ...}

}  // namespace costeff::text
