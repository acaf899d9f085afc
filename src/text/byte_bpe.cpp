#include "text/byte_bpe.h"

#include <costeff/error.h>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "base/file_bytes.h"
#include "base/utf8.h"
#include "text/bpe_split.h"
#include "text/char_tables.h"
#include "text/vocab_json.h"

namespace costeff::text {
namespace {

constexpr uint64_t kMaxMergesBytes = 64u << 20;
constexpr size_t kMaxWord = 32u << 20;  // merging takes 24 bytes of memory a byte

std::string in_quotes(std::string_view token) {
  return std::string("\"").append(printable(token, 60)).append("\"");
}

// The printable stand-in of each byte in vocab.json and merges.txt: printable Latin-1 stands for
// itself, the other 68 bytes are U+0100 and up, in order. Source: openai/gpt-2 encoder.py,
// bytes_to_unicode.
std::array<std::string, 256> byte_spellings() {
  std::array<std::string, 256> spellings;
  uint32_t other = 0x100;
  for (uint32_t b = 0; b < 256; ++b) {
    const bool itself =
        (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
    append_utf8(itself ? b : other++, &spellings[b]);
  }
  return spellings;
}

// Grows [*begin, *end) to whole characters, then leaves out white space at its ends unless there is
// nothing else.
void tidy_span(std::string_view text, size_t* begin, size_t* end) {
  const auto inside = [&](size_t i) {
    return i < text.size() && (static_cast<uint8_t>(text[i]) & 0xC0) == 0x80;
  };
  while (*begin > 0 && inside(*begin)) --*begin;
  while (inside(*end)) ++*end;
  size_t first = *end, last = *begin;  // of what is not white space
  bool bad = false;
  for (size_t at = *begin; at < *end;) {
    const size_t start = at;
    if (is_white_space(next_code_point(text, &at, &bad))) continue;
    first = std::min(first, start);
    last = at;
  }
  if (first >= last) return;
  *begin = first;
  *end = last;
}

}  // namespace

bool split_merge(std::string_view line, BpeMerge* merge) {
  const auto field = [&line] {
    const size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
    const size_t end = std::min(line.find_first_of(" \t", begin), line.size());
    const std::string_view f = line.substr(begin, end - begin);
    line.remove_prefix(end);
    return f;
  };
  merge->left = field();
  merge->right = field();
  return !merge->right.empty() && field().empty();
}

ByteBpe ByteBpe::read(const std::string& vocab_path, const std::string& merges_path,
                      const BpeOptions& options) {
  Vocab vocab = read_vocab_json(vocab_path);
  const std::string text = read_file(merges_path, ErrorKind::model, kMaxMergesBytes);
  std::vector<BpeMerge> merges;
  std::string_view rest = text;
  for (int64_t number = 1; !rest.empty(); ++number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (number == 1 && line.starts_with("#version"))) continue;
    BpeMerge merge;
    if (!split_merge(line, &merge)) {
      throw_model(merges_path + ":" + std::to_string(number) + ": " + in_quotes(line) +
                  ", expected two tokens with a space between");
    }
    merge.line = number;
    merges.push_back(merge);
  }
  return ByteBpe(std::move(vocab), merges, options, vocab_path, merges_path);
}

ByteBpe::ByteBpe(Vocab vocab, const std::vector<BpeMerge>& merges, const BpeOptions& options,
                 const std::string& vocab_place, const std::string& merges_place)
    : vocab_(std::move(vocab)), add_prefix_space_(options.add_prefix_space) {
  if (!options.unk_token.empty()) unk_ = vocab_.find(options.unk_token);
  const std::array<std::string, 256> spellings = byte_spellings();
  for (size_t b = 0; b < 256; ++b) {
    byte_tokens_[b] = vocab_.find(spellings[b]);
    if (byte_tokens_[b] < 0 && unk_ < 0) {
      char hex[8];
      std::snprintf(hex, sizeof hex, "0x%02X", static_cast<unsigned>(b));
      throw_model(vocab_place + ": no token " + in_quotes(spellings[b]) + " for byte " + hex +
                  ", and no " + in_quotes(options.unk_token) + " to stand for it");
    }
  }
  add_merges(merges, vocab_place, merges_place);
}

void ByteBpe::add_merges(const std::vector<BpeMerge>& merges, const std::string& vocab_place,
                         const std::string& place) {
  struct Rule {
    int32_t left, right;
    uint32_t rank;
  };
  std::vector<Rule> rules;
  rules.reserve(merges.size());
  merged_.reserve(merges.size());
  std::string both;
  for (const BpeMerge& merge : merges) {
    const auto id = [&](std::string_view token) {
      const int32_t found = vocab_.find(token);
      if (found < 0) {
        throw_model(place + ":" + std::to_string(merge.line) + ": the rule " +
                    in_quotes(merge.left) + " " + in_quotes(merge.right) + " needs token " +
                    in_quotes(token) + ", which " + vocab_place + " lacks");
      }
      return found;
    };
    both.assign(merge.left).append(merge.right);
    rules.push_back({id(merge.left), id(merge.right), static_cast<uint32_t>(merged_.size())});
    merged_.push_back(id(both));
  }
  std::sort(rules.begin(), rules.end(), [](const Rule& a, const Rule& b) {
    if (a.left != b.left) return a.left < b.left;
    if (a.right != b.right) return a.right < b.right;
    return a.rank < b.rank;
  });
  first_.assign(static_cast<size_t>(vocab_.size()) + 1, 0);
  pairs_.reserve(rules.size());
  for (size_t i = 0; i < rules.size(); ++i) {
    const Rule& r = rules[i];
    // A rule that is there twice has its first rank.
    if (i > 0 && rules[i - 1].left == r.left && rules[i - 1].right == r.right) continue;
    pairs_.push_back({r.right, r.rank});
    ++first_[static_cast<size_t>(r.left) + 1];
  }
  for (size_t t = 1; t < first_.size(); ++t) first_[t] += first_[t - 1];

  std::vector<int> byte_of(static_cast<size_t>(vocab_.size()), -1);
  for (int b = 0; b < 256; ++b) {
    if (byte_tokens_[b] >= 0) byte_of[static_cast<size_t>(byte_tokens_[b])] = b;
  }
  byte_ranks_.assign(256 * 256, kNoMerge);
  for (size_t b = 0; b < 256; ++b) {
    if (byte_tokens_[b] < 0) continue;
    const auto t = static_cast<size_t>(byte_tokens_[b]);
    for (uint32_t i = first_[t]; i < first_[t + 1]; ++i) {
      const int right = byte_of[static_cast<size_t>(pairs_[i].right)];
      if (right >= 0) byte_ranks_[b * 256 + static_cast<size_t>(right)] = pairs_[i].rank;
    }
  }
}

uint32_t ByteBpe::rank(int32_t left, int32_t right) const {
  if (left < 0 || right < 0) return kNoMerge;
  const auto begin = pairs_.begin() + first_[static_cast<size_t>(left)];
  const auto end = pairs_.begin() + first_[static_cast<size_t>(left) + 1];
  const auto it = std::lower_bound(begin, end, right,
                                   [](const Pair& p, int32_t wanted) { return p.right < wanted; });
  return it != end && it->right == right ? it->rank : kNoMerge;
}

// Merges the leftmost pair of the lowest rank, again and again. Afterwards the word's tokens are
// symbols[0], symbols[symbols[0].next], ...
void ByteBpe::merge_word(std::string_view word, Scratch* scratch) const {
  const auto n = static_cast<uint32_t>(word.size());
  auto& symbols = scratch->symbols;
  auto& heap = scratch->heap;
  if (symbols.size() < n) symbols.resize(n);
  for (uint32_t i = 0; i < n; ++i) {
    symbols[i] = {byte_tokens_[static_cast<uint8_t>(word[i])], i - 1, i + 1, kNoMerge};
  }
  heap.clear();
  for (uint32_t i = 0; i + 1 < n; ++i) {
    symbols[i].rank = byte_ranks_[static_cast<uint8_t>(word[i]) * size_t{256} +
                                  static_cast<uint8_t>(word[i + 1])];
    if (symbols[i].rank != kNoMerge) heap.push_back(uint64_t{symbols[i].rank} << 32 | i);
  }
  std::make_heap(heap.begin(), heap.end(), std::greater<>());

  const auto renew = [&](uint32_t i) {
    Scratch::Symbol& s = symbols[i];
    s.rank = s.next < n ? rank(s.token, symbols[s.next].token) : kNoMerge;
    if (s.rank == kNoMerge) return;
    heap.push_back(uint64_t{s.rank} << 32 | i);
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    const auto i = static_cast<uint32_t>(heap.back());
    const auto r = static_cast<uint32_t>(heap.back() >> 32);
    heap.pop_back();
    Scratch::Symbol& s = symbols[i];
    if (s.rank != r) continue;  // one of the two has been merged away since
    Scratch::Symbol& gone = symbols[s.next];
    s.token = merged_[r];
    s.next = gone.next;
    gone.rank = kNoMerge;
    if (s.next < n) symbols[s.next].previous = i;
    renew(i);
    if (i > 0) renew(s.previous);
  }
}

void ByteBpe::encode(std::string_view text, int64_t offset, Scratch* scratch,
                     TokenSink* sink) const {
  const bool prefixed = add_prefix_space_ && !text.empty() && text[0] != ' ';
  if (prefixed) {
    scratch->prefixed.assign(1, ' ').append(text);
    text = scratch->prefixed;
    --offset;
  }
  for (size_t at = 0; at < text.size() && !sink->done();) {
    const size_t end = bpe_word_end(text, at);
    if (end - at > kMaxWord) {
      throw_input("a word of " + std::to_string(end - at) + " bytes, at most " +
                  std::to_string(kMaxWord) + " are supported");
    }
    merge_word(text.substr(at, end - at), scratch);
    const auto n = static_cast<uint32_t>(end - at);
    for (uint32_t i = 0; i < n; i = scratch->symbols[i].next) {
      const int32_t token = scratch->symbols[i].token;
      size_t b = at + i, e = at + scratch->symbols[i].next;
      if (sink->want_spans) {
        tidy_span(text, &b, &e);
        if (prefixed) b = std::max<size_t>(b, 1);
      }
      sink->put(token < 0 ? unk_ : token, offset + static_cast<int64_t>(b),
                offset + static_cast<int64_t>(e));
    }
    at = end;
  }
}

}  // namespace costeff::text
