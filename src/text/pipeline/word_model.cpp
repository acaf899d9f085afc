#include "text/pipeline/word_model.h"

#include <algorithm>

#include "text/chars/utf8_bytes.h"

namespace costeff::text {

WordModel::WordModel(Vocab vocab, bool pieces, const WordModelOptions& options,
                     const std::string& place)
    : vocab_(std::move(vocab)), pieces_(pieces), options_(options) {
  unk_ = unk_token_id(vocab_, options.unk_token, place);
}

void WordModel::encode(std::string_view word, Scratch* scratch, std::vector<WordToken>* out) const {
  if (pieces_) return encode_pieces(word, scratch, out);
  const int32_t id = vocab_.find(word);
  out->push_back({id < 0 ? unk_ : id, 0, static_cast<uint32_t>(word.size())});
}

// Greedy longest match; one piece that fails makes the whole word unknown.
void WordModel::encode_pieces(std::string_view word, Scratch* scratch,
                              std::vector<WordToken>* out) const {
  const auto size = static_cast<uint32_t>(word.size());
  const size_t before = out->size();
  const auto unknown = [&] {
    out->resize(before);
    out->push_back({unk_, 0, size});
  };
  const auto chars = size - std::count_if(word.begin(), word.end(), is_continuation);
  if (chars > options_.max_chars) return unknown();
  auto& hashes = scratch->hashes;  // [i]: of the prefix and bytes [start, start + i]
  for (uint32_t start = 0; start < size;) {
    const std::string_view head = start == 0 ? std::string_view() : options_.prefix;
    const size_t longest = vocab_.longest() - std::min(vocab_.longest(), head.size());
    const auto room = static_cast<uint32_t>(std::min<size_t>(longest, size - start));
    uint64_t h = Vocab::hash_text(vocab_.hash_start(), head);
    hashes.clear();
    for (uint32_t i = 0; i < room; ++i) {
      h = Vocab::hash_step(h, static_cast<uint8_t>(word[start + i]));
      hashes.push_back(h);
    }
    int32_t id = -1;
    uint32_t end = start + room;
    for (; end > start; --end) {
      if (end < size && is_continuation(word[end])) continue;
      id = vocab_.find_hashed(hashes[end - start - 1], head, word.substr(start, end - start));
      if (id >= 0) break;
    }
    if (id < 0) return unknown();
    out->push_back({id, start, end});
    start = end;
  }
}

}  // namespace costeff::text
