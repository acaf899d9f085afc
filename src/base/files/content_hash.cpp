#include "base/files/content_hash.h"

#define XXH_INLINE_ALL
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>

#include "base/format.h"

namespace costeff {
namespace {

constexpr int64_t kHashedAtOnce = 256 << 10;

}  // namespace

struct ContentHash::State {
  XXH3_state_t xxh;
};

ContentHash::ContentHash() : state_(std::make_unique<State>()) { XXH3_64bits_reset(&state_->xxh); }
ContentHash::~ContentHash() = default;
ContentHash::ContentHash(ContentHash&&) noexcept = default;
ContentHash& ContentHash::operator=(ContentHash&&) noexcept = default;

void ContentHash::add(std::string_view bytes) {
  XXH3_64bits_update(&state_->xxh, bytes.data(), bytes.size());
}

uint64_t ContentHash::value() const { return XXH3_64bits_digest(&state_->xxh); }

std::string ContentHash::text() const { return fmt::format("{:016x}", value()); }

uint64_t hash_bytes(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

int64_t hash_file_bytes(int fd, int64_t begin, int64_t count, ContentHash* hash) {
  const auto piece = std::make_unique_for_overwrite<char[]>(kHashedAtOnce);
  int64_t done = 0;
  while (done < count) {
    const auto wanted = static_cast<size_t>(std::min(count - done, kHashedAtOnce));
    const ssize_t n = ::pread(fd, piece.get(), wanted, begin + done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    hash->add({piece.get(), static_cast<size_t>(n)});
    done += n;
  }
  return done;
}

}  // namespace costeff
