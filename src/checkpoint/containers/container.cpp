#include "checkpoint/containers/container.h"

#include <algorithm>
#include <cctype>

#include "base/format.h"
#include "base/parse.h"
#include "base/utf8.h"

namespace costeff::checkpoint {

bool tensor_bytes(const std::vector<int64_t>& shape, DType dtype, int64_t* bytes) {
  int64_t product = dtype_bits(dtype);
  bool empty = false;
  for (int64_t d : shape) {
    if (d < 0) return false;
    if (d == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(product, d, &product)) {
      return false;
    }
  }
  if (!empty && product % 8 != 0) return false;
  *bytes = empty ? 0 : product / 8;
  return true;
}

std::string tensor_place(const std::string& file, std::string_view name) {
  return fmt::format("{}: tensor {}: ", file, printable(name, 200));
}

std::string foreign_content(std::span<const std::byte> bytes) {
  if (bytes.empty()) return "is empty (0 bytes)";
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()),
                              std::min<size_t>(bytes.size(), 64));
  if (head.starts_with("version https://git-lfs")) {
    return "begins with \"version https://git-lfs\": a Git LFS pointer, not weights; run git lfs "
           "pull";
  }
  size_t at = 0;
  while (at < head.size() && std::isspace(static_cast<unsigned char>(head[at]))) ++at;
  const std::string start = lower_ascii(head.substr(at, 9));
  if (start.starts_with("<!doctype") || start.starts_with("<html") || start.starts_with("<?xml")) {
    return fmt::format("begins with \"{}\": a web page, not weights; download the file again",
                       printable(head.substr(at, 9)));
  }
  if (head.starts_with("PK\x03\x04")) return "is a zip archive";
  if (head.starts_with("\x89HDF")) return "is an HDF5 file (TensorFlow weights?)";
  if (head.starts_with("GGUF")) return "is a GGUF file";
  if (head.starts_with("\x1f\x8b")) return "is gzip-compressed";
  const bool text = std::all_of(head.begin(), head.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return (u >= 0x20 && u < 0x7F) || u == '\n' || u == '\r' || u == '\t';
  });
  if (text)
    return fmt::format("begins with \"{}\": text, not weights", printable(head.substr(0, 30)));
  return "";
}

}  // namespace costeff::checkpoint
