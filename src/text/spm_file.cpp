#include "text/spm_file.h"

#include <costeff/error.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/utf8.h"
#include "text/spm_charsmap.h"

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
    if (f->number == 0 || f->number >= 1u << 29) wrong("field number " + std::to_string(f->number));
    switch (f->wire) {
      case Wire::varint:
        f->value = varint();
        return true;
      case Wire::fixed64:
        f->value = fixed(8);
        return true;
      case Wire::fixed32:
        f->value = fixed(4);
        return true;
      case Wire::bytes: {
        const uint64_t size = varint();
        if (size > rest_.size()) {
          wrong("field " + std::to_string(f->number) + " of " + std::to_string(size) +
                " bytes where " + std::to_string(rest_.size()) + " are left");
        }
        f->bytes = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return true;
      }
    }
    wrong("field " + std::to_string(f->number) + " of wire type " + std::to_string(tag & 7));
  }

  void expect(const Field& f, Wire wire) const {
    if (f.wire != wire) {
      wrong("field " + std::to_string(f.number) + " has wire type " +
            std::to_string(static_cast<int>(f.wire)) + ", expected " +
            std::to_string(static_cast<int>(wire)));
    }
  }

  [[noreturn]] void wrong(const std::string& what) const {
    throw_model(file_.path + ": not a sentencepiece model: byte " +
                std::to_string(rest_.data() - file_.bytes.data()) + ", in " + name_ + ": " + what);
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
  uint64_t fixed(size_t n) {
    if (rest_.size() < n) wrong("it ends inside a number");
    uint64_t v = 0;
    for (size_t i = 0; i < n; ++i)
      v |= static_cast<uint64_t>(static_cast<uint8_t>(rest_[i])) << (8 * i);
    rest_.remove_prefix(n);
    return v;
  }

  const SpmFile& file_;
  std::string_view rest_;
  const char* name_;
};

// Field numbers in what follows: sentencepiece_model.proto.
void read_piece(std::string_view message, SpmFile* file) {
  const std::string place = file->path + ": piece " + std::to_string(file->pieces.size());
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
      if (!std::isfinite(piece.score)) throw_model(place + ": its score is not a finite number");
    } else if (f.number == 3) {
      reader.expect(f, Wire::varint);
      if (f.value < 1 || f.value > 6) {
        throw_model(place + ": type " + std::to_string(f.value) + ", expected 1 to 6");
      }
      piece.type = static_cast<PieceType>(f.value);
    }
  }
  if (piece.size == 0 || piece.size > kMaxPieceBytes) {
    throw_model(place + ": " + std::to_string(piece.size) + " bytes, expected 1 to " +
                std::to_string(kMaxPieceBytes));
  }
  const std::string_view text = std::string_view(file->bytes).substr(piece.begin, piece.size);
  if (!is_utf8(text) || text.find('\0') != text.npos) {
    throw_model(place + ": \"" + printable(text, 60) + "\" is not UTF-8 text");
  }
  if (piece.type == PieceType::unknown) {
    if (file->unknown >= 0) {
      throw_model(place + ": of type unknown, as piece " + std::to_string(file->unknown) +
                  " is; expected one such piece");
    }
    file->unknown = static_cast<int32_t>(file->pieces.size());
  }
  file->pieces.push_back(piece);
  if (file->pieces.size() > kMaxPieces) {
    throw_model(file->path + ": more than " + std::to_string(kMaxPieces) + " pieces");
  }
}

void read_trainer_spec(std::string_view message, SpmFile* file) {
  MessageReader reader(*file, message, "trainer_spec");
  for (Field f; reader.next(&f);) {
    if (f.number == 3) {
      reader.expect(f, Wire::varint);
      if (f.value < 1 || f.value > 4) {
        throw_model(file->path + ": model_type " + std::to_string(f.value) +
                    ", expected 1 (unigram), 2 (bpe), 3 (word) or 4 (char)");
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
      throw_model(file.path + ": precompiled_charsmap: " + wrong);
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
      throw_model(file.path + ": more than " + std::to_string(kMaxNested) +
                  " user-defined pieces begin one another, up to \"" + printable(piece, 60) + "\"");
    }
  }
}

}  // namespace

SpmFile check_spm_bytes(std::string bytes, const std::string& path) {
  SpmFile file;
  file.path = path;
  file.bytes = std::move(bytes);
  if (file.bytes.empty()) throw_model(path + ": empty, expected a sentencepiece model");
  MessageReader reader(file, file.bytes, "the model");
  for (Field f; reader.next(&f);) {
    if (f.number < 1 || f.number > 5) continue;
    reader.expect(f, Wire::bytes);
    if (f.number == 1) read_piece(f.bytes, &file);
    if (f.number == 2) read_trainer_spec(f.bytes, &file);
    if (f.number == 3 || f.number == 5) read_normalizer_spec(f.bytes, file);
  }
  if (file.pieces.empty()) throw_model(path + ": a sentencepiece model without pieces");
  if (file.unknown < 0) throw_model(path + ": no piece is of type unknown, expected one");
  check_nesting(file);
  return file;
}

}  // namespace costeff::text
