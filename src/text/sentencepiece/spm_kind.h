#pragma once

// The kinds of checkpoints with a sentencepiece model, and the ids that its pieces have in them.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/sentencepiece/spm_file.h"

namespace costeff::text {

// How pieces become ids: id = piece + offset, except for the tokens in `fixed`.
struct SpmKind {
  const char* name = "";  // "XLM-R", ...
  int32_t offset = 0;
  int32_t unk = -1;  // the id of the unknown piece; -1: follows the rule
  // Tokens that are not pieces, or that go before the pieces of the same text.
  std::vector<std::pair<std::string, int32_t>> fixed;
  bool mask_last = false;  // "<mask>" comes after the pieces: its id is pieces + offset
  bool albert = false;     // albert_text() first; a piece like "9," is cut again
  const char *cls = "<s>", *sep = "</s>", *unk_token = "<unk>", *pad = "<pad>", *mask = "<mask>";
};

// The kind of a checkpoint, by tokenizer_class with or without "Fast". An empty class, or one that
// says nothing (PreTrainedTokenizer): ALBERT if [CLS] and [SEP] are pieces, BARThez if <s> is piece
// 0, else XLM-R. Throws Error(model) for a class that is not supported, or one that needs its
// pieces in another order.
//   XLM-R      <s> 0, <pad> 1, </s> 2, <unk> 3, piece p > 0 has p + 1, <mask> after the last
//   CamemBERT  <s>NOTUSED 0, <pad> 1, </s>NOTUSED 2, <unk> 3, <unk>NOTUSED 4, piece p > 0 has
//              p + 4, <mask> after the last
//   BARThez    the pieces' own ids
//   ALBERT     the pieces' own ids
SpmKind spm_kind(std::string_view tokenizer_class, const SpmFile& file);
// The class that a model_type of config.json implies; empty: the pieces must tell. BARThez itself
// has "mbart", which other tokenizers share.
std::string_view spm_class_of_model(std::string_view model_type);

}  // namespace costeff::text
