#include "text/pipeline/unigram_model.h"

#include <algorithm>

#include "base/fail.h"
#include "base/utf8.h"

namespace costeff::text {
namespace {

constexpr double kPenaltyOfUnknown = 10;  // below the lowest score
constexpr size_t kMaxPiece = 1000;        // bytes; keeps cutting linear in practice

}  // namespace

UnigramModel::UnigramModel(const std::vector<std::pair<std::string, double>>& pieces, int32_t unk,
                           bool byte_fallback, const std::string& place)
    : unk_(unk), byte_fallback_(byte_fallback) {
  std::vector<std::string_view> texts;
  double low = pieces.empty() ? 0 : pieces[0].second;
  for (const auto& [text, score] : pieces) {
    if (text.size() > kMaxPiece) {
      fail_model("{}: piece {} has {} bytes, at most {} are supported", place, in_quotes(text),
                 text.size(), kMaxPiece);
    }
    texts.push_back(text);
    low = std::min(low, score);
  }
  vocab_ = Vocab::from_tokens(texts, place);
  std::vector<UnigramPiece> distinct;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const auto id = static_cast<int32_t>(i);
    if (vocab_.find(pieces[i].first) == id) distinct.push_back({texts[i], pieces[i].second, id});
  }
  unigram_ = Unigram(std::move(distinct), unk, low - kPenaltyOfUnknown, false, place);
  bytes_ = ByteFallback(vocab_);
}

void UnigramModel::encode(std::string_view word, Scratch* scratch,
                          std::vector<WordToken>* out) const {
  unigram_.cut(word, &scratch->unigram, &scratch->cuts);
  uint32_t begin = 0;
  for (const Unigram::Cut& cut : scratch->cuts) {
    const std::string_view text = word.substr(begin, cut.end - begin);
    int32_t id = cut.piece;
    if (id == unk_) {
      id = vocab_.find(text);
      if (id < 0 && byte_fallback_ && bytes_.has_all(text)) {
        for (const char c : text) out->push_back({bytes_.token(c), begin, cut.end});
        begin = cut.end;
        continue;
      }
      if (id < 0) id = unk_;
      if (id < 0) {
        fail_input(
            "\"{}\" is not in the tokenizer's vocabulary, which has no unknown token (unk_id)",
            printable(text, 40));
      }
    }
    out->push_back({id, begin, cut.end});
    begin = cut.end;
  }
}

}  // namespace costeff::text
