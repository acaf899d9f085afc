#include "text/bpe/byte_bpe.h"

#include <algorithm>
#include <atomic>

#include "base/fail.h"
#include "base/utf8.h"
#include "text/bpe/bpe_split.h"
#include "text/chars/utf8_bytes.h"
#include "text/tokens/next_line.h"
#include "text/tokens/vocab_json.h"

namespace costeff::text {
namespace {

static_assert(kMaxVocabTokens <= MergeTable::kMaxTokens);

// Printable Latin-1 stands for itself; the other 68 bytes become U+0100 and up, in order. Source:
// openai/gpt-2 encoder.py, bytes_to_unicode.
constexpr std::array<uint16_t, 256> kStandIns = [] {
  std::array<uint16_t, 256> stand_ins{};
  uint16_t other = 0x100;
  for (uint32_t b = 0; b < 256; ++b) {
    const bool itself =
        (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
    stand_ins[b] = itself ? static_cast<uint16_t>(b) : other++;
  }
  return stand_ins;
}();

uint32_t next_number() {
  static std::atomic<uint32_t> last{0};
  return ++last;
}

// Grows [*begin, *end) to whole characters.
void grow_span(std::string_view text, size_t* begin, size_t* end) {
  const auto inside = [&](size_t i) { return i < text.size() && is_continuation(text[i]); };
  while (*begin > 0 && inside(*begin)) --*begin;
  while (inside(*end)) ++*end;
}

}  // namespace

uint32_t byte_stand_in(uint8_t byte) { return kStandIns[byte]; }

bool split_merge(std::string_view line, BpeMerge* merge) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  const auto field = [&] {
    size_t begin = 0;
    while (begin < line.size() && blank(line[begin])) ++begin;
    size_t end = begin;
    while (end < line.size() && !blank(line[end])) ++end;
    const std::string_view f = line.substr(begin, end - begin);
    line.remove_prefix(end);
    return f;
  };
  merge->left = field();
  merge->right = field();
  return !merge->right.empty() && field().empty();
}

std::vector<BpeMerge> parse_merges(std::string_view merges_txt, const std::string& place) {
  std::vector<BpeMerge> merges;
  merges.reserve(static_cast<size_t>(std::count(merges_txt.begin(), merges_txt.end(), '\n')) + 1);
  std::string_view rest = merges_txt;
  for (int64_t number = 1; !rest.empty(); ++number) {
    const std::string_view line = next_line(&rest);
    if (line.empty() || (number == 1 && line.starts_with("#version"))) continue;
    BpeMerge merge;
    if (!split_merge(line, &merge)) {
      fail_model("{}:{}: {}, expected two tokens with a space between", place, number,
                 in_quotes(line));
    }
    merge.line = number;
    merges.push_back(merge);
  }
  return merges;
}

bool has_all_bytes(const Vocab& vocab) {
  return std::all_of(kStandIns.begin(), kStandIns.end(), [&](uint16_t c) {
    std::string spelling;
    append_utf8(c, &spelling);
    return vocab.find(spelling) >= 0;
  });
}

ByteBpe ByteBpe::parse(std::string_view vocab_json, std::string_view merges_txt,
                       const BpeOptions& options, const std::string& vocab_place,
                       const std::string& merges_place) {
  return ByteBpe(parse_vocab_json(vocab_json, vocab_place), parse_merges(merges_txt, merges_place),
                 options, vocab_place, merges_place);
}

ByteBpe::ByteBpe(Vocab vocab, const std::vector<BpeMerge>& merges, const BpeOptions& options,
                 const std::string& vocab_place, const std::string& merges_place)
    : vocab_(std::move(vocab)),
      number_(next_number()),
      add_prefix_space_(options.add_prefix_space),
      trim_{options.trim_offsets, options.keep_first_space.value_or(options.add_prefix_space)} {
  if (!options.unk_token.empty()) unk_ = vocab_.find(options.unk_token);
  for (size_t b = 0; b < 256; ++b) {
    std::string spelling;
    append_utf8(kStandIns[b], &spelling);
    byte_tokens_[b] = vocab_.find(spelling);
    if (byte_tokens_[b] < 0 && unk_ < 0) {
      fail_model("{}: no token {} for byte 0x{:02X}, and no {} to stand for it", vocab_place,
                 in_quotes(spelling), b, in_quotes(options.unk_token));
    }
  }
  add_merges(merges, vocab_place, merges_place);
}

void ByteBpe::add_merges(const std::vector<BpeMerge>& merges, const std::string& vocab_place,
                         const std::string& place) {
  std::vector<MergeTable::Rule> rules;
  rules.reserve(merges.size());
  for (const BpeMerge& merge : merges) {
    const auto need = [&](int32_t id, std::string_view left, std::string_view right) {
      if (id >= 0) return id;
      fail_model("{}:{}: the rule {} {} needs token {}, which {} lacks", place, merge.line,
                 in_quotes(merge.left), in_quotes(merge.right),
                 in_quotes(std::string(left).append(right)), vocab_place);
    };
    const uint64_t h = Vocab::hash_text(vocab_.hash_start(), merge.left);
    rules.push_back(
        {need(vocab_.find_hashed(h, {}, merge.left), merge.left, {}),
         need(vocab_.find(merge.right), merge.right, {}),
         need(vocab_.find_hashed(Vocab::hash_text(h, merge.right), merge.left, merge.right),
              merge.left, merge.right)});
  }
  merges_ = MergeTable(rules, place);
}

// The tokens of a word of at most WordCache::kMaxWord bytes.
struct ByteBpe::ShortWord {
  std::array<int32_t, WordCache::kMaxWord> tokens;
  std::array<uint8_t, WordCache::kMaxWord> ends;  // in bytes of the word
  size_t count = 0;
};

// Merges the leftmost pair of the lowest rank, again and again.
void ByteBpe::merge_short(std::string_view word, ShortWord* out) const {
  std::array<uint32_t, WordCache::kMaxWord> ranks;  // of a token with the next
  auto& [tokens, ends, count] = *out;
  count = word.size();
  for (size_t i = 0; i < count; ++i) {
    tokens[i] = byte_tokens_[static_cast<uint8_t>(word[i])];
    ends[i] = static_cast<uint8_t>(i + 1);
    if (i > 0) ranks[i - 1] = merges_.rank(tokens[i - 1], tokens[i]);
  }
  while (count > 1) {
    const auto lowest = std::min_element(ranks.begin(), ranks.begin() + (count - 1));
    if (*lowest == MergeTable::kNone) return;
    const auto i = static_cast<size_t>(lowest - ranks.begin());
    tokens[i] = merges_.merged(*lowest);
    --count;
    for (size_t k = i; k < count; ++k) {
      if (k > i) tokens[k] = tokens[k + 1];
      ends[k] = ends[k + 1];
      if (k > i && k + 1 < count) ranks[k] = ranks[k + 1];
    }
    if (i + 1 < count) ranks[i] = merges_.rank(tokens[i], tokens[i + 1]);
    if (i > 0) ranks[i - 1] = merges_.rank(tokens[i - 1], tokens[i]);
  }
}

// merge_short() for a word of any length. After it the word's tokens are symbols[0],
// symbols[symbols[0].next], ...
void ByteBpe::merge_long(std::string_view word, Scratch* scratch) const {
  const auto n = static_cast<uint32_t>(word.size());
  auto& symbols = scratch->merge.symbols;
  if (symbols.size() < n) symbols.resize(n);
  for (uint32_t i = 0; i < n; ++i) {
    symbols[i] = {byte_tokens_[static_cast<uint8_t>(word[i])], i - 1, i + 1, MergeTable::kNone};
  }
  merge_word(merges_, n, &scratch->merge);
}

void ByteBpe::encode(std::string_view text, int64_t offset, Scratch* scratch,
                     TokenSink* sink) const {
  const bool prefixed = add_prefix_space_ && !text.empty() && text[0] != ' ';
  if (prefixed) {
    scratch->prefixed.assign(1, ' ').append(text);
    text = scratch->prefixed;
    --offset;
  }
  size_t at = 0;
  const auto put = [&](int32_t token, size_t begin, size_t end) {  // relative to the word
    begin += at;
    end += at;
    const int32_t id = token < 0 ? unk_ : token;
    if (!sink->want_spans) return sink->put(id, 0, 0);
    // The space that was added comes from the character after it.
    if (prefixed) begin = std::max<size_t>(begin, 1);
    end = std::max(end, begin + (prefixed && begin == 1));
    grow_span(text, &begin, &end);
    const bool first = sink->count == 0 || offset + static_cast<int64_t>(begin) == 0;
    const Span span = trim_span(trim_, {static_cast<int32_t>(begin), static_cast<int32_t>(end)},
                                vocab_.token(id), text, first);
    sink->put(id, offset + span.begin, offset + span.end);
  };
  const auto put_all = [&](const auto& tokens, const auto& ends, size_t count) {
    for (size_t i = 0, begin = 0; i < count; begin = ends[i++]) put(tokens[i], begin, ends[i]);
  };
  while (at < text.size() && !sink->done()) {
    const size_t end = bpe_word_end(text, at);
    const std::string_view word = text.substr(at, end - at);
    if (word.size() <= WordCache::kMaxWord) {
      WordCache::Entry& entry = scratch->short_words.at(word, number_);
      if (entry.count == 0) {
        ShortWord merged;
        merge_short(word, &merged);
        if (merged.count <= WordCache::kMaxTokens) {
          std::copy_n(merged.tokens.begin(), merged.count, entry.tokens.begin());
          std::copy_n(merged.ends.begin(), merged.count, entry.ends.begin());
          entry.count = static_cast<uint8_t>(merged.count);
        }
        put_all(merged.tokens, merged.ends, merged.count);
      } else {
        put_all(entry.tokens, entry.ends, entry.count);
      }
    } else {
      if (word.size() > kMaxMergedWord) {
        fail_input("a word of {} bytes, at most {} are supported", word.size(), kMaxMergedWord);
      }
      merge_long(word, scratch);
      const auto& symbols = scratch->merge.symbols;
      for (uint32_t i = 0; i < word.size(); i = symbols[i].next) {
        put(symbols[i].token, i, symbols[i].next);
      }
    }
    at = end;
  }
}

}  // namespace costeff::text
