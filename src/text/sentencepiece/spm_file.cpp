#include "text/sentencepiece/spm_file.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>

#include "base/fail.h"
#include "base/files/file_bytes.h"
#include "base/utf8.h"
#include "text/sentencepiece/spm_charsmap.h"

namespace costeff::text {
namespace {

constexpr size_t kMaxPieces = 2'000'000;
constexpr uint32_t kMaxPieceBytes = 1024;  // trained ones have 16 characters at most
// The library keeps the user-defined pieces that match at one position in an array of 64.
constexpr size_t kMaxNested = 64;

enum class Wire : uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

struct Field {
  uint64_t number = 0;
  Wire wire = Wire::varint;
  uint64_t value = 0;      // of varint, fixed32, fixed64
  std::string_view bytes;  // of bytes
};

// The fields of one message of the file, in order.
class MessageReader {
 public:
  MessageReader(const SpmFile& file, std::string_view message, const char* name)
      : file_(file), rest_(message), name_(name) {}

  bool next(Field* f) {
    if (rest_.empty()) return false;
    const uint64_t tag = varint();
    f->number = tag >> 3;
    f->wire = static_cast<Wire>(tag & 7);
    if (f->number == 0 || f->number >= 1u << 29) wrong(fmt::format("field number {}", f->number));
    switch (f->wire) {
      case Wire::varint:
        f->value = varint();
        return true;
      case Wire::fixed64:
        f->value = fixed<uint64_t>();
        return true;
      case Wire::fixed32:
        f->value = fixed<uint32_t>();
        return true;
      case Wire::bytes: {
        const uint64_t size = varint();
        if (size > rest_.size()) {
          wrong(
              fmt::format("field {} of {} bytes where {} are left", f->number, size, rest_.size()));
        }
        f->bytes = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return true;
      }
    }
    wrong(fmt::format("field {} of wire type {}", f->number, tag & 7));
  }

  void expect(const Field& f, Wire wire) const {
    if (f.wire != wire) {
      wrong(fmt::format("field {} has wire type {}, expected {}", f.number,
                        static_cast<int>(f.wire), static_cast<int>(wire)));
    }
  }

  [[noreturn]] void wrong(std::string_view what) const {
    fail_model("{}: not a sentencepiece model: byte {}, in {}: {}", file_.path,
               rest_.data() - file_.bytes.data(), name_, what);
  }

 private:
  uint64_t varint() {
    uint64_t v = 0;
    for (size_t i = 0; i < 10 && i < rest_.size(); ++i) {
      const auto byte = static_cast<uint8_t>(rest_[i]);
      v |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
      if (byte < 0x80) {
        rest_.remove_prefix(i + 1);
        return v;
      }
    }
    wrong("a number that does not end");
  }
  template <typename T>
  T fixed() {
    T v = 0;
    if (!ByteReader(std::as_bytes(std::span(rest_))).get(&v)) wrong("it ends inside a number");
    rest_.remove_prefix(sizeof(T));
    return v;
  }

  const SpmFile& file_;
  std::string_view rest_;
  const char* name_;
};

// The field numbers below are those of sentencepiece_model.proto.
void read_piece(std::string_view message, SpmFile* file) {
  const std::string place = fmt::format("{}: piece {}", file->path, file->pieces.size());
  MessageReader reader(*file, message, "a piece");
  SpmPiece piece;
  for (Field f; reader.next(&f);) {
    if (f.number == 1) {
      reader.expect(f, Wire::bytes);
      piece.begin = static_cast<uint32_t>(f.bytes.data() - file->bytes.data());
      piece.size = static_cast<uint32_t>(f.bytes.size());
    } else if (f.number == 2) {
      reader.expect(f, Wire::fixed32);
      piece.score = std::bit_cast<float>(static_cast<uint32_t>(f.value));
      if (!std::isfinite(piece.score)) fail_model("{}: its score is not a finite number", place);
    } else if (f.number == 3) {
      reader.expect(f, Wire::varint);
      if (f.value < 1 || f.value > 6) {
        fail_model("{}: type {}, expected 1 to 6", place, f.value);
      }
      piece.type = static_cast<PieceType>(f.value);
    }
  }
  if (piece.size == 0 || piece.size > kMaxPieceBytes) {
    fail_model("{}: {} bytes, expected 1 to {}", place, piece.size, kMaxPieceBytes);
  }
  const std::string_view text = std::string_view(file->bytes).substr(piece.begin, piece.size);
  if (!is_utf8(text) || text.find('\0') != text.npos) {
    fail_model("{}: \"{}\" is not UTF-8 text", place, printable(text, 60));
  }
  if (piece.type == PieceType::unknown) {
    if (file->unknown >= 0) {
      fail_model("{}: of type unknown, as piece {} is; expected one such piece", place,
                 file->unknown);
    }
    file->unknown = static_cast<int32_t>(file->pieces.size());
  }
  file->pieces.push_back(piece);
  if (file->pieces.size() > kMaxPieces) {
    fail_model("{}: more than {} pieces", file->path, kMaxPieces);
  }
}

void read_trainer_spec(std::string_view message, SpmFile* file) {
  MessageReader reader(*file, message, "trainer_spec");
  for (Field f; reader.next(&f);) {
    if (f.number == 3) {
      reader.expect(f, Wire::varint);
      if (f.value < 1 || f.value > 4) {
        fail_model("{}: model_type {}, expected 1 (unigram), 2 (bpe), 3 (word) or 4 (char)",
                   file->path, f.value);
      }
      file->model_type = static_cast<SpmModelType>(f.value);
    } else if (f.number == 35) {
      reader.expect(f, Wire::varint);
      file->byte_fallback = f.value != 0;
    }
  }
}

void read_normalizer_spec(std::string_view message, const SpmFile& file) {
  MessageReader reader(file, message, "normalizer_spec");
  for (Field f; reader.next(&f);) {
    if (f.number != 2) continue;
    reader.expect(f, Wire::bytes);
    if (const std::string wrong = check_charsmap(f.bytes); !wrong.empty()) {
      fail_model("{}: precompiled_charsmap: {}", file.path, wrong);
    }
  }
}

void check_nesting(const SpmFile& file) {
  std::vector<std::string_view> defined;
  for (size_t i = 0; i < file.pieces.size(); ++i) {
    if (file.pieces[i].type == PieceType::user_defined) defined.push_back(file.text(i));
  }
  std::sort(defined.begin(), defined.end());
  std::vector<std::string_view> around;  // each begins with the one before it
  for (const std::string_view piece : defined) {
    while (!around.empty() && !piece.starts_with(around.back())) around.pop_back();
    around.push_back(piece);
    if (around.size() > kMaxNested) {
      fail_model("{}: more than {} user-defined pieces begin one another, up to \"{}\"", file.path,
                 kMaxNested, printable(piece, 60));
    }
  }
}

}  // namespace

SpmFile parse_spm_bytes(std::string bytes, const std::string& path) {
  SpmFile file;
  file.path = path;
  file.bytes = std::move(bytes);
  if (file.bytes.empty()) fail_model("{}: empty, expected a sentencepiece model", path);
  MessageReader reader(file, file.bytes, "the model");
  for (Field f; reader.next(&f);) {
    if (f.number < 1 || f.number > 5) continue;
    reader.expect(f, Wire::bytes);
    if (f.number == 1) read_piece(f.bytes, &file);
    if (f.number == 2) read_trainer_spec(f.bytes, &file);
    if (f.number == 3 || f.number == 5) read_normalizer_spec(f.bytes, file);
  }
  if (file.pieces.empty()) fail_model("{}: a sentencepiece model without pieces", path);
  if (file.unknown < 0) fail_model("{}: no piece is of type unknown, expected one", path);
  check_nesting(file);
  return file;
}

}  // namespace costeff::text
