#pragma once

// tokenizer.json, the Rust tokenizers' own file: the forms that BERT and RoBERTa checkpoints have.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/added_tokens.h"
#include "text/bert_normalize.h"
#include "text/byte_bpe.h"
#include "text/pair.h"

namespace costeff::text {

struct TokenizerJson {
  bool is_bpe = false;  // else WordPiece
  std::vector<std::pair<std::string, int64_t>> vocab;
  std::vector<std::pair<std::string, std::string>> merges;  // of BPE
  std::string unk_token;                                    // empty: none
  BertOptions bert;                                         // of WordPiece: the BertNormalizer
  bool add_prefix_space = false;                            // of BPE: the ByteLevel pre-tokenizer
  Template form;
  std::vector<AddedToken> added;
};

inline constexpr uint64_t kMaxTokenizerJsonBytes = 32u << 20;

// The text of the file; `place` begins messages. Throws Error(model) that names the part that is
// missing, wrong or not supported: models other than WordPiece and BPE, normalisers other than
// BertNormalizer (BPE: any), pre-tokenisers other than BertPreTokenizer and ByteLevel,
// post-processors other than BertProcessing, RobertaProcessing and TemplateProcessing.
TokenizerJson parse_tokenizer_json(std::string_view text, const std::string& place);

}  // namespace costeff::text
