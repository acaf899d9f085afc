#include "base/content_hash.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/format.h"

namespace costeff {
namespace {

uint64_t mix(uint64_t h, uint64_t word) {
  h = (std::rotl(h, 29) ^ word) * 0x9E3779B97F4A7C15u;
  return h ^ (h >> 32);
}

uint64_t word_at(const char* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

}  // namespace

void ContentHash::add(std::string_view bytes) {
  const size_t held = size_ % rest_.size();
  size_ += bytes.size();
  if (held > 0) {
    const size_t n = bytes.copy(rest_.data() + held, rest_.size() - held);
    bytes.remove_prefix(n);
    if (held + n < rest_.size()) return;
    hash_ = mix(hash_, word_at(rest_.data()));
  }
  while (bytes.size() >= rest_.size()) {
    hash_ = mix(hash_, word_at(bytes.data()));
    bytes.remove_prefix(rest_.size());
  }
  bytes.copy(rest_.data(), bytes.size());
}

uint64_t ContentHash::value() const {
  std::array<char, 8> last{};
  std::copy_n(rest_.begin(), size_ % rest_.size(), last.begin());
  return mix(mix(hash_, word_at(last.data())), size_);
}

std::string ContentHash::text() const {
  return string_printf("%016llx", static_cast<unsigned long long>(value()));
}

}  // namespace costeff
