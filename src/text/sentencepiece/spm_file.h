#pragma once

// A sentencepiece model file, checked before the library is given it.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace costeff::text {

// Numbers as in sentencepiece_model.proto.
enum class PieceType : uint8_t { normal = 1, unknown, control, user_defined, unused, byte };

struct SpmPiece {
  uint32_t begin = 0, size = 0;  // its text in SpmFile::bytes
  float score = 0;
  PieceType type = PieceType::normal;
};

enum class SpmModelType : uint8_t { unigram = 1, bpe, word, character };

struct SpmFile {
  std::string path, bytes;
  std::vector<SpmPiece> pieces;
  SpmModelType model_type = SpmModelType::unigram;
  bool byte_fallback = false;  // unknown characters become byte pieces
  int32_t unknown = -1;        // the only piece of type unknown

  std::string_view text(size_t piece) const {
    return std::string_view(bytes).substr(pieces[piece].begin, pieces[piece].size);
  }
};

inline constexpr uint64_t kMaxSpmBytes = 32u << 20;  // 250,000 pieces are 5 MB

// Reads a model and checks what the library (0.1.97) trusts: the protobuf's lengths, that pieces
// are UTF-8 without NUL and their scores numbers, the normaliser's table, the model type. Throws
// Error(model); `path` begins the message.
SpmFile parse_spm_bytes(std::string bytes, const std::string& path);

}  // namespace costeff::text
