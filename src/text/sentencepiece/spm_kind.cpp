#include "text/sentencepiece/spm_kind.h"

#include "base/fail.h"
#include "base/utf8.h"

namespace costeff::text {
namespace {

bool has_piece(const SpmFile& file, std::string_view text) {
  for (size_t i = 0; i < file.pieces.size(); ++i) {
    if (file.text(i) == text) return true;
  }
  return false;
}

// fairseq's dictionaries begin with four tokens of their own, so its models must begin with the
// unknown piece.
void need_unknown_first(const SpmFile& file, std::string_view tokenizer_class) {
  if (file.unknown == 0) return;
  fail_model("{}: piece {} is of type unknown, expected piece 0 (tokenizer {})", file.path,
             file.unknown, tokenizer_class);
}

SpmKind xlmr_kind(const SpmFile& file) {
  need_unknown_first(file, "XLMRobertaTokenizer");
  SpmKind kind;
  kind.name = "XLM-R";
  kind.offset = 1;
  kind.unk = 3;
  kind.fixed = {{"<s>", 0}, {"<pad>", 1}, {"</s>", 2}, {"<unk>", 3}};
  kind.mask_last = true;
  return kind;
}

SpmKind camembert_kind(const SpmFile& file) {
  need_unknown_first(file, "CamembertTokenizer");
  SpmKind kind;
  kind.name = "CamemBERT";
  kind.offset = 4;
  kind.unk = 3;
  kind.fixed = {
      {"<s>NOTUSED", 0}, {"<pad>", 1}, {"</s>NOTUSED", 2}, {"<unk>", 3}, {"<unk>NOTUSED", 4}};
  kind.mask_last = true;
  return kind;
}

SpmKind barthez_kind() {
  SpmKind kind;
  kind.name = "BARThez";
  return kind;
}

SpmKind albert_kind() {
  SpmKind kind;
  kind.name = "ALBERT";
  kind.albert = true;
  kind.cls = "[CLS]";
  kind.sep = "[SEP]";
  kind.mask = "[MASK]";
  return kind;
}

}  // namespace

std::string_view spm_class_of_model(std::string_view model_type) {
  if (model_type == "xlm-roberta") return "XLMRobertaTokenizer";
  if (model_type == "camembert") return "CamembertTokenizer";
  if (model_type == "barthez") return "BarthezTokenizer";
  if (model_type == "albert") return "AlbertTokenizer";
  return {};
}

SpmKind spm_kind(std::string_view tokenizer_class, const SpmFile& file) {
  std::string_view name = tokenizer_class;
  if (name.ends_with("Fast")) name.remove_suffix(4);
  if (name == "XLMRobertaTokenizer") return xlmr_kind(file);
  if (name == "CamembertTokenizer") return camembert_kind(file);
  if (name == "BarthezTokenizer") return barthez_kind();
  if (name == "AlbertTokenizer") return albert_kind();
  if (!name.empty() && name != "PreTrainedTokenizer") {
    fail_model(
        "{}: tokenizer_class {}, expected XLMRobertaTokenizer, CamembertTokenizer, "
        "BarthezTokenizer or AlbertTokenizer with a sentencepiece model",
        file.path, printable(tokenizer_class, 60));
  }
  if (has_piece(file, "[CLS]") && has_piece(file, "[SEP]")) return albert_kind();
  return file.text(0) == "<s>" ? barthez_kind() : xlmr_kind(file);
}

}  // namespace costeff::text
