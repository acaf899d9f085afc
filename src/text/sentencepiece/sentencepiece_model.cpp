#include "text/sentencepiece/sentencepiece_model.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <new>
#include <unordered_map>

#include "base/fail.h"
#include "base/utf8.h"
#include "text/chars/char_tables.h"
#include "text/chars/utf8_bytes.h"

// Exported by the library, declared in a header that Debian does not install.
namespace sentencepiece::logging {
void SetMinLogLevel(int level);
}

namespace costeff::text {
namespace {

// The library takes up to 300 bytes of memory for each byte of text.
constexpr size_t kMaxText = 32u << 20;

// Python's str.isdigit() as far as it matters: the other characters it accepts, superscripts and
// circled digits, do not survive the models' normalisation.
bool is_digit(std::string_view piece, size_t* at) {
  bool bad = false;
  return bpe_class(next_code_point(piece, at, &bad)) == BpeClass::number;
}

// True for "9,": a piece that ends in a digit and a comma. Hugging Face's AlbertTokenizer cuts
// those again without the comma.
bool ends_in_digit_comma(std::string_view piece) {
  if (piece.size() < 2 || piece.back() != ',') return false;
  size_t last = piece.size() - 2;
  while (last > 0 && is_continuation(piece[last])) --last;
  return is_digit(piece, &last);
}

constexpr std::string_view kBlank = "\xE2\x96\x81";  // U+2581, a space in a piece

std::string without_blanks(std::string_view piece) {
  std::string out;
  while (!piece.empty()) {
    const size_t n = piece.starts_with(kBlank) ? kBlank.size() : 1;
    if (n == 1) out += piece[0];
    piece.remove_prefix(n);
  }
  return out;
}

// Characters besides white space that models may read as a space, or not at all: controls, soft
// hyphen, zero-width and direction marks, byte order mark.
constexpr std::pair<char32_t, char32_t> kMaybeBlank[] = {
    {0x01, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},     {0x200B, 0x200F},
    {0x202A, 0x202E}, {0x2060, 0x2064}, {0xFEFF, 0xFEFF}, {0xFFFD, 0xFFFD}};

// Moves the cut from the text that the library got to the text that this was made from.
void move_to_source(const std::vector<Span>& source, SpmCut* cut) {
  if (source.empty()) return;
  const size_t last = source.size() - 1;
  const auto begin = [&](size_t i) { return static_cast<size_t>(source[i].begin); };
  const auto end = [&](size_t i) { return static_cast<size_t>(source[i].end); };
  if (cut->begin < cut->end) {
    cut->end = end(cut->end - 1);
    cut->begin = begin(cut->begin);
  } else {
    cut->begin = cut->end = cut->begin <= last ? begin(cut->begin) : end(last);
  }
}

}  // namespace

struct SentencePieceModel::Impl {
  std::string path;
  SpmKind kind;
  AlbertOptions albert;
  sentencepiece::SentencePieceProcessor library;
  Unigram unigram;  // empty: the library's cuts stand
  int32_t pieces = 0, unknown = 0;
  std::unordered_map<int, std::vector<int>> cut_again;  // ALBERT: pieces that become others
  std::vector<char32_t> blanks;  // of kMaybeBlank, those this model reads as a space or not at all

  int32_t id_of(int piece) const {
    return piece == unknown && kind.unk >= 0 ? kind.unk : piece + kind.offset;
  }
  void check(const sentencepiece::util::Status& status) const {
    if (!status.ok())
      fail_model("{}: sentencepiece: {}", path, printable(status.error_message(), 200));
  }
  void load(const SpmFile& file);
  void cut(std::string_view text, bool want_spans, Scratch* scratch) const;
  void cut_unigram(std::string_view text, bool want_spans, Scratch* scratch) const;
  std::vector<int> without_comma(const std::string& piece, Scratch* scratch) const;
  void find_blanks();
  bool is_blank(char32_t c) const;
  void trim(std::string_view text, SpmCut* cut) const;
  void put(SpmCut cut, std::string_view text, const Scratch& scratch, int64_t offset,
           TokenSink* sink) const;
};

SentencePieceModel::SentencePieceModel() = default;
SentencePieceModel::~SentencePieceModel() = default;
SentencePieceModel::SentencePieceModel(SentencePieceModel&&) noexcept = default;
SentencePieceModel& SentencePieceModel::operator=(SentencePieceModel&&) noexcept = default;

SentencePieceModel::SentencePieceModel(const SpmFile& file, const SpmKind& kind,
                                       const AlbertOptions& albert)
    : impl_(std::make_unique<Impl>()) {
  static std::once_flag once;
  std::call_once(once, [] { sentencepiece::logging::SetMinLogLevel(3); });  // 3: fatal only
  impl_->path = file.path;
  impl_->kind = kind;
  impl_->albert = albert;
  impl_->unknown = file.unknown;
  impl_->pieces = static_cast<int32_t>(file.pieces.size());
  impl_->load(file);
}

void SentencePieceModel::Impl::load(const SpmFile& file) {
  // Darts throws when it cannot build its trie of the pieces.
  std::string thrown;
  try {
    check(library.LoadFromSerializedProto(file.bytes));
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    thrown = printable(e.what(), 200);
  }
  if (!thrown.empty()) fail_model("{}: sentencepiece: {}", path, thrown);
  if (library.GetPieceSize() != pieces || library.unk_id() != unknown) {
    fail_model("{}: sentencepiece reads {} pieces, unknown {}, expected {} and {}", path,
               library.GetPieceSize(), library.unk_id(), pieces, unknown);
  }
  find_blanks();
  // With byte_fallback the pieces do not spell the normalised text.
  if (file.model_type == SpmModelType::unigram && !file.byte_fallback) unigram = Unigram(file);
  if (!kind.albert) return;
  Scratch scratch;
  for (int i = 0; i < pieces; ++i) {
    const std::string& piece = library.IdToPiece(i);
    if (ends_in_digit_comma(piece)) cut_again[i] = without_comma(piece, &scratch);
  }
}

void SentencePieceModel::Impl::find_blanks() {
  for (const auto& [first, last] : kMaybeBlank) {
    for (char32_t c = first; c <= last; ++c) {
      std::string text, read;
      append_utf8(c, &text);
      sentencepiece::ImmutableSentencePieceText answer;
      check(library.Encode(text, answer.mutable_proto()));
      for (size_t i = 0; i < answer.pieces_size(); ++i) {
        read += answer.pieces(static_cast<int>(i)).piece();
      }
      if (without_blanks(read).empty()) blanks.push_back(c);
    }
  }
}

bool SentencePieceModel::Impl::is_blank(char32_t c) const {
  return is_white_space(c) || std::binary_search(blanks.begin(), blanks.end(), c);
}

// Leaves out what is read as white space at the ends. A piece of white space alone precedes a word
// and gets the word's first character; so does one of several pieces of a single character. This is
// as in Hugging Face's tokenizers: their WhitespaceSplit removes the white space before Metaspace
// puts U+2581 before each word, at the place of its first character.
void SentencePieceModel::Impl::trim(std::string_view text, SpmCut* cut) const {
  size_t begin = cut->end, end = cut->begin;
  bool bad = false;
  for (size_t at = cut->begin; at < cut->end;) {
    const size_t start = at;
    if (is_blank(next_code_point(text, &at, &bad))) continue;
    begin = std::min(begin, start);
    end = std::min(at, cut->end);
  }
  for (size_t at = cut->begin; begin >= end && at < text.size();) {
    const size_t start = at;
    if (is_blank(next_code_point(text, &at, &bad))) continue;
    begin = start;
    end = at;
  }
  if (begin >= end) return;
  cut->begin = begin;
  cut->end = end;
}

// Fills scratch->cuts; their bytes only if spans are wanted.
void SentencePieceModel::Impl::cut(std::string_view text, bool want_spans, Scratch* scratch) const {
  sentencepiece::ImmutableSentencePieceText answer;
  check(library.Encode(text, answer.mutable_proto()));
  scratch->cuts.clear();
  scratch->normalised.clear();
  scratch->normalised_ends.clear();
  for (size_t i = 0; i < answer.pieces_size(); ++i) {
    const auto piece = answer.pieces(static_cast<int>(i));
    if (!unigram.empty()) scratch->normalised += piece.piece();
    if (!unigram.empty() && !want_spans) continue;
    scratch->cuts.push_back({static_cast<int>(piece.id()), piece.begin(), piece.end()});
    scratch->normalised_ends.push_back(scratch->normalised.size());
  }
  if (!unigram.empty()) cut_unigram(text, want_spans, scratch);
}

// Cuts the normalised text again, which is what the library's pieces spell.
void SentencePieceModel::Impl::cut_unigram(std::string_view text, bool want_spans,
                                           Scratch* scratch) const {
  scratch->library_cuts.swap(scratch->cuts);
  const auto& old = scratch->library_cuts;
  const auto& ends = scratch->normalised_ends;
  const std::string_view normalised = scratch->normalised;
  unigram.cut(normalised, &scratch->unigram, &scratch->unigram_cuts);
  scratch->cuts.clear();
  // The place in the text of byte `at` of the normalised text, which lies in the library's piece i.
  // If normalising changed anything from there to the end of the piece, it is `otherwise`.
  const auto in_text = [&](size_t at, size_t i, size_t otherwise) {
    const size_t rest = ends[i] - at;
    if (rest > old[i].end - old[i].begin) return otherwise;
    const size_t place = old[i].end - rest;
    return text.substr(place, rest) == normalised.substr(at, rest) ? place : otherwise;
  };
  size_t first = 0, last = 0, begin = 0;
  for (const Unigram::Cut& c : scratch->unigram_cuts) {
    scratch->cuts.push_back({c.piece, 0, 0});
    if (!want_spans) continue;
    while (ends[first] <= begin) ++first;
    while (ends[last] < c.end) ++last;
    const bool same_begin = begin == (first == 0 ? 0 : ends[first - 1]);
    const size_t from = old[first].begin, to = old[last].end;
    scratch->cuts.back().begin = same_begin ? from : in_text(begin, first, from);
    scratch->cuts.back().end = ends[last] == c.end ? to : in_text(c.end, last, to);
    begin = c.end;
  }
}

// What AlbertTokenizer._tokenize makes of such a piece: the part before the comma, cut on its own,
// then the comma.
std::vector<int> SentencePieceModel::Impl::without_comma(const std::string& piece,
                                                         Scratch* scratch) const {
  cut(without_blanks(std::string_view(piece).substr(0, piece.size() - 1)), false, scratch);
  std::vector<int> parts;
  for (const SpmCut& c : scratch->cuts) parts.push_back(c.piece);
  if (!parts.empty() && !piece.starts_with(kBlank)) {
    // Remove the blank that sentencepiece put before it.
    const std::string& first = library.IdToPiece(parts[0]);
    if (first == kBlank) {
      parts.erase(parts.begin());
    } else if (first.starts_with(kBlank)) {
      parts[0] = library.PieceToId(first.substr(kBlank.size()));
    }
  }
  parts.push_back(library.PieceToId(","));
  return parts;
}

void SentencePieceModel::Impl::put(SpmCut cut, std::string_view text, const Scratch& scratch,
                                   int64_t offset, TokenSink* sink) const {
  if (sink->want_spans) trim(text, &cut);
  const auto put_one = [&](SpmCut c) {
    if (sink->want_spans && kind.albert) move_to_source(scratch.source, &c);
    sink->put(id_of(c.piece), offset + static_cast<int64_t>(c.begin),
              offset + static_cast<int64_t>(c.end));
  };
  const auto again = cut_again.find(cut.piece);
  if (again == cut_again.end()) return put_one(cut);
  for (const int part : again->second) {
    const size_t bytes = without_blanks(library.IdToPiece(part)).size();
    const size_t end = std::min(cut.begin + bytes, cut.end);
    put_one({part, cut.begin, end});
    cut.begin = end;
  }
}

void SentencePieceModel::encode(std::string_view text, int64_t offset, Scratch* scratch,
                                TokenSink* sink) const {
  if (text.size() > kMaxText) {
    fail_input("a text of {} bytes, at most {} are supported by sentencepiece models", text.size(),
               kMaxText);
  }
  if (impl_->kind.albert) {
    albert_text(text, impl_->albert, &scratch->text, sink->want_spans ? &scratch->source : nullptr);
    text = scratch->text;
  }
  impl_->cut(text, sink->want_spans, scratch);
  for (const SpmCut& cut : scratch->cuts) impl_->put(cut, text, *scratch, offset, sink);
}

const SpmKind& SentencePieceModel::kind() const { return impl_->kind; }

int64_t SentencePieceModel::vocab_size() const {
  return int64_t{impl_->pieces} + impl_->kind.offset + (impl_->kind.mask_last ? 1 : 0);
}

std::string SentencePieceModel::token(int32_t id) const {
  for (const auto& [token, fixed] : impl_->kind.fixed) {
    if (fixed == id) return token;
  }
  const int32_t piece = id - impl_->kind.offset;
  if (impl_->kind.mask_last && piece == impl_->pieces) return "<mask>";
  return piece >= 0 && piece < impl_->pieces ? impl_->library.IdToPiece(piece) : std::string();
}

int32_t SentencePieceModel::find(std::string_view token) const {
  if (token.empty()) return -1;
  for (const auto& [text, id] : impl_->kind.fixed) {
    if (text == token) return id;
  }
  if (impl_->kind.mask_last && token == "<mask>") return impl_->pieces + impl_->kind.offset;
  const int piece = impl_->library.PieceToId(token);
  return impl_->library.IdToPiece(piece) == token ? impl_->id_of(piece) : -1;
}

}  // namespace costeff::text
