#include "text/pipeline/unigram_model.h"

#include <costeff/error.h>

#include <algorithm>

#include "base/format.h"
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
      throw_model(place + ": piece " + in_quotes(text) + " has " + std::to_string(text.size()) +
                  " bytes, at most " + std::to_string(kMaxPiece) + " are supported");
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
  for (size_t b = 0; b < 256; ++b) {
    byte_tokens_[b] = vocab_.find(string_printf("<0x%02X>", static_cast<unsigned>(b)));
  }
}

void UnigramModel::encode(std::string_view word, Scratch* scratch,
                          std::vector<WordToken>* out) const {
  unigram_.cut(word, &scratch->unigram, &scratch->cuts);
  uint32_t begin = 0;
  for (const Unigram::Cut& cut : scratch->cuts) {
    const std::string_view text = word.substr(begin, cut.end - begin);
    const auto byte_token = [&](char c) { return byte_tokens_[static_cast<uint8_t>(c)]; };
    int32_t id = cut.piece;
    if (id == unk_) {
      id = vocab_.find(text);
      if (id < 0 && byte_fallback_ &&
          std::all_of(text.begin(), text.end(), [&](char c) { return byte_token(c) >= 0; })) {
        for (const char c : text) out->push_back({byte_token(c), begin, cut.end});
        begin = cut.end;
        continue;
      }
      if (id < 0) id = unk_;
      if (id < 0) {
        throw_input("\"" + printable(text, 40) +
                    "\" is not in the tokenizer's vocabulary, which has no unknown token (unk_id)");
      }
    }
    out->push_back({id, begin, cut.end});
    begin = cut.end;
  }
}

}  // namespace costeff::text
