#pragma once

// Bytes of small weight files, built by hand, for the tests of the containers and for the fuzzers.

#include <costeff/error.h>
#include <zlib.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/tensors/tensor.h"

namespace costeff::test {

inline std::span<const std::byte> as_bytes(std::string_view s) {
  return {reinterpret_cast<const std::byte*>(s.data()), s.size()};
}

// Little-endian integer of `size` bytes, zeros beyond 8.
inline std::string le(uint64_t v, size_t size) {
  std::string s;
  for (size_t i = 0; i < size; ++i) s += static_cast<char>(i < 8 ? v >> (8 * i) : 0);
  return s;
}

template <typename T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

inline std::vector<float> floats(const Tensor& t) {
  std::vector<float> out(static_cast<size_t>(t.numel()));
  to_float32(t, out.data());
  return out;
}

// --- safetensors ---

inline std::string safetensors_bytes(const std::string& header, const std::string& data) {
  return le(header.size(), 8) + header + data;
}

// --- zip ---

struct ZipPart {
  std::string name, data;
  uint16_t flags = 0x0808, method = 0;  // torch: sizes in a data descriptor, UTF-8 names
  bool wrong_crc = false;
};

// An archive as torch.save writes it: stored entries whose data begin at multiples of 64, local
// headers with sizes 0 and a data descriptor after the data, zip64 end records.
inline std::string zip_bytes(const std::vector<ZipPart>& parts) {
  std::string out, directory;
  for (const ZipPart& p : parts) {
    const uint32_t crc = static_cast<uint32_t>(crc32_z(
                             0, reinterpret_cast<const Bytef*>(p.data.data()), p.data.size())) ^
                         (p.wrong_crc ? 1 : 0);
    const uint64_t offset = out.size(), size = p.data.size();
    const bool later = p.flags & 8;
    const uint64_t header = offset + 30 + p.name.size() + 4;
    const uint64_t padding = (64 - header % 64) % 64;
    const std::string extra = "FB" + le(padding, 2) + std::string(padding, 'Z');
    out += le(0x04034b50, 4) + le(0, 2) + le(p.flags, 2) + le(p.method, 2) + le(0, 4) +
           le(later ? 0 : crc, 4) + le(later ? 0 : size, 4) + le(later ? 0 : size, 4) +
           le(p.name.size(), 2) + le(extra.size(), 2) + p.name + extra + p.data;
    if (later) out += le(0x08074b50, 4) + le(crc, 4) + le(size, 4) + le(size, 4);
    directory += le(0x02014b50, 4) + le(0, 4) + le(p.flags, 2) + le(p.method, 2) + le(0, 4) +
                 le(crc, 4) + le(size, 4) + le(size, 4) + le(p.name.size(), 2) + le(0, 12) +
                 le(offset, 4) + p.name;
  }
  const uint64_t at = out.size(), count = parts.size(), end64 = at + directory.size();
  return out + directory + le(0x06064b50, 4) + le(44, 8) + le(0x2d, 2) + le(0x2d, 2) + le(0, 8) +
         le(count, 8) + le(count, 8) + le(directory.size(), 8) + le(at, 8) + le(0x07064b50, 4) +
         le(0, 4) + le(end64, 8) + le(1, 4) + le(0x06054b50, 4) + le(0, 4) + le(count, 2) +
         le(count, 2) + le(directory.size(), 4) + le(at, 4) + le(0, 2);
}

// --- pickle: each function gives the opcodes that push one value ---

inline std::string pk_string(std::string_view s) {
  return std::string("X") + le(s.size(), 4) + std::string(s);
}
inline std::string pk_int(int64_t v) {
  return std::string("\x8a\x08") + le(static_cast<uint64_t>(v), 8);
}
inline std::string pk_global(const std::string& module, const std::string& name) {
  return std::string("c") + module + "\n" + name + "\n";
}
inline std::string pk_tuple(const std::vector<std::string>& items) {
  std::string s = "(";
  for (const std::string& item : items) s += item;
  return s + "t";
}
inline std::string pk_ints(const std::vector<int64_t>& v) {
  std::vector<std::string> items;
  for (int64_t i : v) items.push_back(pk_int(i));
  return pk_tuple(items);
}

struct TensorPickle {
  std::string storage_type = "FloatStorage", key = "0";
  int64_t numel = 0;  // of the storage
  int64_t offset = 0;
  std::vector<int64_t> shape, stride;
  bool legacy = false;  // the persistent id has a sixth item, None
};

inline std::string pk_tensor(const TensorPickle& t) {
  std::vector<std::string> id{pk_string("storage"), pk_global("torch", t.storage_type),
                              pk_string(t.key), pk_string("cuda:0"), pk_int(t.numel)};
  if (t.legacy) id.push_back("N");
  return pk_global("torch._utils", "_rebuild_tensor_v2") +
         pk_tuple({pk_tuple(id) + "Q", pk_int(t.offset), pk_ints(t.shape), pk_ints(t.stride),
                   "\x89", pk_global("collections", "OrderedDict") + ")R"}) +
         "R";
}

struct PickleEntry {
  std::string name, value;  // value: opcodes
};

// A whole data.pkl.
inline std::string pk_state_dict(const std::vector<PickleEntry>& entries) {
  std::string s = "\x80\x02" + pk_global("collections", "OrderedDict") + ")R(";
  for (const PickleEntry& e : entries) s += pk_string(e.name) + e.value;
  return s + "u.";
}

struct StoragePart {
  std::string key, data;
};

inline std::string torch_zip(const std::string& pickle, const std::vector<StoragePart>& storages,
                             const std::string& byteorder = "little") {
  std::vector<ZipPart> parts{{"archive/data.pkl", pickle}, {"archive/byteorder", byteorder}};
  for (const StoragePart& s : storages) parts.push_back({"archive/data/" + s.key, s.data});
  parts.push_back({"archive/version", "3\n"});
  return zip_bytes(parts);
}

struct LegacyStorage {
  std::string key;
  int64_t count = 0;
  std::string data;
};

inline std::string torch_legacy(const std::string& pickle,
                                const std::vector<LegacyStorage>& storages) {
  std::string s("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
  s += "\x80\x02" + pk_int(1001) + ".";
  s += "\x80\x02}(" + pk_string("protocol_version") + pk_int(1001) + pk_string("little_endian") +
       "\x88u.";
  s += pickle + "\x80\x02](";
  for (const LegacyStorage& l : storages) s += pk_string(l.key);
  s += "e.";
  for (const LegacyStorage& l : storages) s += le(static_cast<uint64_t>(l.count), 8) + l.data;
  return s;
}

}  // namespace costeff::test
