#include "text/pipeline/char_bpe.h"

#include <algorithm>

#include "base/fail.h"
#include "base/utf8.h"

namespace costeff::text {

CharBpe::CharBpe(Vocab vocab, const std::vector<std::pair<std::string, std::string>>& merges,
                 const CharBpeOptions& options, const std::string& place)
    : vocab_(std::move(vocab)), options_(options) {
  if (!options.unk_token.empty()) {
    unk_ = unk_token_id(vocab_, options.unk_token, place);
  }
  bytes_ = ByteFallback(vocab_);
  std::vector<MergeTable::Rule> rules;
  rules.reserve(merges.size());
  for (size_t i = 0; i < merges.size(); ++i) {
    const auto& [left, right] = merges[i];
    const auto need = [&](const std::string& token) {
      const int32_t id = vocab_.find(token);
      if (id >= 0) return id;
      fail_model("{}: merges[{}]: {} {} needs token {}, which the vocabulary lacks", place, i,
                 in_quotes(left), in_quotes(right), in_quotes(token));
    };
    const int32_t left_id = need(left), right_id = need(right);
    const size_t cut = std::min(options.prefix.size(), right.size());
    rules.push_back({left_id, right_id, need(left + right.substr(cut))});
  }
  merges_ = MergeTable(rules, place + ": merges");
}

void CharBpe::add_symbols(std::string_view word, Scratch* scratch) const {
  auto& symbols = scratch->merge.symbols;
  auto& starts = scratch->starts;
  symbols.clear();
  starts.assign(1, 0);
  const auto add = [&](int32_t token, uint32_t bytes) {
    const auto i = static_cast<uint32_t>(symbols.size());
    symbols.push_back({token, i - 1, i + 1, MergeTable::kNone});
    starts.push_back(starts.back() + bytes);
  };
  // An unknown character waits, so that the next can join it. Byte tokens overtake it, as in the
  // library.
  uint32_t unknown = 0;
  const auto flush = [&] {
    if (unknown > 0) add(unk_, unknown);
    unknown = 0;
  };
  bool bad = false;
  for (size_t at = 0; at < word.size();) {
    const size_t begin = at;
    next_code_point(word, &at, &bad);
    const auto bytes = static_cast<uint32_t>(at - begin);
    std::string& spelling = scratch->spelling;
    spelling.assign(begin == 0 ? "" : options_.prefix);
    spelling.append(word, begin, bytes);
    if (at == word.size()) spelling.append(options_.suffix);
    if (const int32_t id = vocab_.find(spelling); id >= 0) {
      flush();
      add(id, bytes);
      continue;
    }
    if (options_.byte_fallback && bytes_.has_all(spelling)) {
      for (const char c : spelling) add(bytes_.token(c), 1);
      continue;
    }
    if (unk_ < 0) continue;
    if (!options_.fuse_unk) flush();
    unknown += bytes;
  }
  flush();
}

void CharBpe::encode(std::string_view word, Scratch* scratch, std::vector<WordToken>* out) const {
  if (word.size() > kMaxMergedWord) {
    fail_input("a word of {} bytes, at most {} are supported", word.size(), kMaxMergedWord);
  }
  const auto size = static_cast<uint32_t>(word.size());
  if (options_.ignore_merges) {
    if (const int32_t id = vocab_.find(word); id >= 0) return out->push_back({id, 0, size});
  }
  add_symbols(word, scratch);
  const auto& symbols = scratch->merge.symbols;
  const auto& starts = scratch->starts;
  const auto n = static_cast<uint32_t>(symbols.size());
  merge_word(merges_, n, &scratch->merge);
  for (uint32_t i = 0; i < n; i = symbols[i].next) {
    // The bytes of a suffix count if they are tokens, so the end may lie beyond the word.
    out->push_back(
        {symbols[i].token, std::min(starts[i], size), std::min(starts[symbols[i].next], size)});
  }
}

}  // namespace costeff::text
