#include "text/wordpiece/wordpiece.h"

#include <algorithm>

#include "text/chars/utf8_bytes.h"

namespace costeff::text {
namespace {

constexpr std::string_view kContinued = "##";
// A word of more bytes than this has more than kMaxWordChars code points.
constexpr int kMaxWordBytes = 4 * WordPiece::kMaxWordChars;
static_assert(kMaxWordBytes <= TokenSink::kMaxDropped);

// Decodes valid UTF-8, which encode() requires.
inline uint32_t decode(const uint8_t*& p) {
  const uint32_t a = *p++;
  if (a < 0x80) return a;
  const uint32_t b = *p++ & 0x3Fu;
  if (a < 0xE0) return ((a & 0x1F) << 6) | b;
  const uint32_t c = *p++ & 0x3Fu;
  if (a < 0xF0) return ((a & 0x0F) << 12) | (b << 6) | c;
  const uint32_t d = *p++ & 0x3Fu;
  return ((a & 0x07) << 18) | (b << 12) | (c << 6) | d;
}

}  // namespace

// The word that is being read, normalised. If it is too long, only the counts are kept up.
template <bool kSpans>
struct WordPiece::Word {
  struct NoSpans {};
  struct ByteSpans {
    // For each byte of the word, the bytes of the text that its code point comes from.
    std::array<int64_t, kMaxWordBytes + 8> begin, end;
  };

  std::array<uint8_t, kMaxWordBytes + 8> bytes;
  int size = 0;   // bytes, saturated just above kMaxWordBytes
  int chars = 0;  // code points, saturated above kMaxWordChars
  uint64_t hash = 0;
  int64_t begin = 0, end = 0;  // in the text; with kSpans
  [[no_unique_address]] std::conditional_t<kSpans, ByteSpans, NoSpans> spans;

  void clear(uint64_t start_hash) {
    size = 0;
    chars = 0;
    hash = start_hash;
  }
  void add_byte(uint8_t b, int64_t from, int64_t to) {
    if (size > kMaxWordBytes) return;
    if constexpr (kSpans) {
      spans.begin[size] = from;
      spans.end[size] = to;
    }
    bytes[size++] = b;
    hash = Vocab::hash_step(hash, b);
  }
  void add(uint32_t c, int64_t from, int64_t to) {
    if constexpr (kSpans) {
      if (size == 0) begin = from;
      end = to;
    }
    chars += chars <= kMaxWordChars;
    if (c < 0x80) {
      add_byte(static_cast<uint8_t>(c), from, to);
    } else if (c < 0x800) {
      add_byte(static_cast<uint8_t>(0xC0 | (c >> 6)), from, to);
      add_byte(static_cast<uint8_t>(0x80 | (c & 0x3F)), from, to);
    } else {
      if (c < 0x10000) {
        add_byte(static_cast<uint8_t>(0xE0 | (c >> 12)), from, to);
      } else {
        add_byte(static_cast<uint8_t>(0xF0 | (c >> 18)), from, to);
        add_byte(static_cast<uint8_t>(0x80 | ((c >> 12) & 0x3F)), from, to);
      }
      add_byte(static_cast<uint8_t>(0x80 | ((c >> 6) & 0x3F)), from, to);
      add_byte(static_cast<uint8_t>(0x80 | (c & 0x3F)), from, to);
    }
  }
  std::string_view text(int from, int to) const {
    return {reinterpret_cast<const char*>(bytes.data()) + from, static_cast<size_t>(to - from)};
  }
};

WordPiece::WordPiece(const Vocab* vocab, const BertOptions& options, int32_t unk)
    : vocab_(vocab), options_(options), unk_(unk), continued_(vocab->hash_start()) {
  for (const char c : kContinued)
    continued_ = Vocab::hash_step(continued_, static_cast<uint8_t>(c));
  bytes_.fill(kNotAscii);
  for (uint32_t c = 0; c < 128; ++c) {
    switch (bert_class(c)) {
      case BertClass::deleted:
        bytes_[c] = kDeleted;
        break;
      case BertClass::space:
        bytes_[c] = kGap;
        break;
      case BertClass::punctuation: {
        bytes_[c] = kPunctuation;
        const char text = static_cast<char>(c);
        const int32_t id = vocab->find({&text, 1});
        punctuation_[c] = id < 0 ? unk : id;
        break;
      }
      default: {
        const bool upper = c >= 'A' && c <= 'Z';
        bytes_[c] = static_cast<uint8_t>(upper && options.lower_case ? c + 32 : c);
      }
    }
  }
}

// Greedy longest match; one piece that fails makes the whole word [UNK].
template <bool kSpans>
void WordPiece::pieces(const Word<kSpans>& word, TokenSink* sink) const {
  const auto put = [&](int32_t id, int from, int to) {
    if constexpr (kSpans) {
      sink->put(id, word.spans.begin[from], word.spans.end[to - 1]);
    } else {
      sink->put(id, 0, 0);
    }
  };
  if (word.chars > kMaxWordChars) return sink->put(unk_, word.begin, word.end);
  const int n = word.size;
  if (const int32_t id = vocab_->find_hashed(word.hash, {}, word.text(0, n)); id >= 0) {
    return put(id, 0, n);
  }
  const int64_t count_before = sink->count;
  std::array<uint64_t, kMaxWordBytes + 1> hashes;  // hashes[i]: of head and bytes [start, i)
  for (int start = 0; start < n;) {
    const std::string_view head = start == 0 ? std::string_view{} : kContinued;
    const int room =
        static_cast<int>(std::min<size_t>(vocab_->longest(), kMaxWordBytes + kContinued.size())) -
        static_cast<int>(head.size());
    uint64_t h = start == 0 ? vocab_->hash_start() : continued_;
    const int last = std::min(n, start + room);
    for (int i = start; i < last; ++i) {
      h = Vocab::hash_step(h, word.bytes[i]);
      hashes[i + 1] = h;
    }
    int32_t id = -1;
    int stop = last;
    for (; stop > start; --stop) {
      if (stop < n && is_continuation(static_cast<char>(word.bytes[stop])))
        continue;  // inside a code point
      id = vocab_->find_hashed(hashes[stop], head, word.text(start, stop));
      if (id >= 0) break;
    }
    if (id < 0) {
      sink->drop_after(count_before);
      return sink->put(unk_, word.begin, word.end);
    }
    put(id, start, stop);
    start = stop;
  }
}

template <bool kSpans>
void WordPiece::encode_as(std::string_view text, int64_t offset, TokenSink* sink) const {
  const uint8_t* const first = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* const last = first + text.size();
  Word<kSpans> word;
  word.clear(vocab_->hash_start());

  struct Normalised {
    const WordPiece& self;
    Word<kSpans>& word;
    TokenSink* sink;
    int64_t from = 0, to = 0;  // the code point it comes from
    void gap() {
      if (word.size == 0) return;
      self.template pieces<kSpans>(word, sink);
      word.clear(self.vocab_->hash_start());
    }
    void add(uint32_t c) {
      if (bert_class(c) != BertClass::punctuation) return word.add(c, from, to);
      gap();
      word.add(c, from, to);
      gap();
    }
  } normalised{*this, word, sink};

  for (const uint8_t* p = first; p < last;) {
    uint8_t byte = bytes_[*p];
    if (byte > kLastKind) {
      const uint8_t* const run = p;
      int64_t at = offset + (p - first);
      if (kSpans && word.size == 0) word.begin = at;
      do {
        word.add_byte(byte, at, at + 1);
        ++p;
        ++at;
      } while (p < last && (byte = bytes_[*p]) > kLastKind);
      const int64_t chars = word.chars + (p - run);
      word.chars = static_cast<int>(std::min<int64_t>(chars, kMaxWordChars + 1));
      if (kSpans) word.end = at;
      if (p == last) break;
    }
    if (byte == kGap) {
      normalised.gap();
      if (sink->done()) return;
      ++p;
    } else if (byte == kPunctuation) {
      normalised.gap();
      if (sink->done()) return;
      const int64_t at = offset + (p - first);
      sink->put(punctuation_[*p], at, at + 1);
      ++p;
    } else if (byte == kDeleted) {
      ++p;
    } else {
      normalised.from = offset + (p - first);
      const uint32_t c = decode(p);
      normalised.to = offset + (p - first);
      bert_normalize(c, options_, normalised);
      if (sink->done()) return;
    }
  }
  normalised.gap();
}

void WordPiece::encode(std::string_view text, int64_t offset, TokenSink* sink) const {
  if (sink->want_spans) {
    encode_as<true>(text, offset, sink);
  } else {
    encode_as<false>(text, offset, sink);
  }
}

}  // namespace costeff::text
