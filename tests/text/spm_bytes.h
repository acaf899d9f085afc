#pragma once

// Writes small sentencepiece models (sentencepiece_model.proto) and normalisation tables.

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace costeff::text {

inline std::string proto_varint(uint64_t v) {
  std::string out;
  for (; v >= 0x80; v >>= 7) out.push_back(static_cast<char>(v | 0x80));
  out.push_back(static_cast<char>(v));
  return out;
}
inline std::string proto_number(int field, uint64_t v) {
  return proto_varint(static_cast<uint64_t>(field) << 3) + proto_varint(v);
}
inline std::string proto_bytes(int field, std::string_view bytes) {
  return proto_varint(static_cast<uint64_t>(field) << 3 | 2) + proto_varint(bytes.size()) +
         std::string(bytes);
}
inline std::string little_endian_bytes(uint32_t v) {
  std::string out;
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(v >> (8 * i)));
  return out;
}

struct TestPiece {
  std::string text;
  float score = 0;
  int type = 1;  // 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte
};

struct TestModel {
  std::vector<TestPiece> pieces;
  int model_type = 1;  // 1 unigram, 2 bpe
  std::string charsmap = "";

  std::string bytes() const {
    std::string out;
    for (const TestPiece& p : pieces) {
      std::string piece = proto_bytes(1, p.text);
      piece += proto_varint(2 << 3 | 5) + little_endian_bytes(std::bit_cast<uint32_t>(p.score));
      if (p.type != 1) piece += proto_number(3, static_cast<uint64_t>(p.type));
      out += proto_bytes(1, piece);
    }
    out += proto_bytes(2, proto_number(3, static_cast<uint64_t>(model_type)));
    out += proto_bytes(3, charsmap.empty() ? std::string() : proto_bytes(2, charsmap));
    return out;
  }
};

// <unk> <s> </s>, then single letters and a few words: XLM-R's layout.
inline TestModel small_model() {
  TestModel m;
  m.pieces = {{"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}, {"\xE2\x96\x81", -2}};
  for (const char* text : {"a", "b", "c", "1", "2", ","}) m.pieces.push_back({text, -4});
  m.pieces.push_back({"ab", -5});
  m.pieces.push_back(
      {"\xE2\x96\x81"
       "ab",
       -5.5});
  m.pieces.push_back({"aa", -6});
  m.pieces.push_back({"12,", -3});
  return m;
}

// A Darts-clone double array, unit by unit.
inline uint32_t trie_unit(uint8_t label, bool has_value, uint32_t offset) {
  return label | static_cast<uint32_t>(has_value) << 8 | offset << 10;
}

// A table with one entry, key (one byte) -> replacement, whose units a test may change.
struct TestCharsmap {
  // Bit 31: a unit that no byte leads to.
  std::vector<uint32_t> units = std::vector<uint32_t>(768, 0x80000000u);
  std::string replacements;

  TestCharsmap(char key, std::string_view replacement) : replacements(replacement) {
    replacements.push_back('\0');
    const uint32_t at = 0x100u ^ static_cast<uint8_t>(key);
    units[0] = trie_unit(0, false, 0x100);
    units[at] = trie_unit(static_cast<uint8_t>(key), true, at ^ 0x200u);
    units[0x200] = 0x80000000u;
  }
  std::string bytes() const {
    std::string out = little_endian_bytes(static_cast<uint32_t>(units.size() * 4));
    for (const uint32_t u : units) out += little_endian_bytes(u);
    return out + replacements;
  }
};

}  // namespace costeff::text
