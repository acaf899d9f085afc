#include "base/content_hash.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>

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

constexpr int64_t kHashedAtOnce = 256 << 10;

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

int64_t hash_file_bytes(int fd, int64_t begin, int64_t count, ContentHash* hash) {
  const auto piece = std::make_unique_for_overwrite<char[]>(kHashedAtOnce);
  int64_t done = 0;
  while (done < count) {
    const auto most = static_cast<size_t>(std::min(count - done, kHashedAtOnce));
    const ssize_t n = ::pread(fd, piece.get(), most, begin + done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    hash->add({piece.get(), static_cast<size_t>(n)});
    done += n;
  }
  return done;
}

}  // namespace costeff
