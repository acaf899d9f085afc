#include "text/pipeline/precompiled.h"

#include <array>

#include "base/fail.h"
#include "base/utf8.h"
#include "text/chars/graphemes.h"
#include "text/sentencepiece/spm_charsmap.h"

namespace costeff::text {
namespace {

constexpr size_t kWholeCluster = 6;  // bytes; clusters from here on are read by code points

constexpr std::array<int8_t, 256> kBase64 = [] {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  int8_t v = 0;
  for (char c = 'A'; c <= 'Z'; ++c) values[static_cast<uint8_t>(c)] = v++;
  for (char c = 'a'; c <= 'z'; ++c) values[static_cast<uint8_t>(c)] = v++;
  for (char c = '0'; c <= '9'; ++c) values[static_cast<uint8_t>(c)] = v++;
  values['+'] = v++;
  values['/'] = v;
  return values;
}();

std::string from_base64(std::string_view text, const std::string& place) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int8_t v = kBase64[static_cast<uint8_t>(c)];
    if (v < 0) fail_model("{}: holds {}, expected base64", place, printable({&c, 1}));
    bits = bits << 6 | static_cast<uint32_t>(v);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count & 0xFF));
  }
  return bytes;
}

// Writes the new text with its last character held back, because a removal counts with it.
class Replacer {
 public:
  explicit Replacer(Rewrite* out) : out_(out) {}
  void put(uint32_t c, int64_t change) {
    flush();
    held_ = c;
    change_ = change;
    holds_ = true;
  }
  // `before` characters of the old text become `content`.
  void replace(int64_t before, std::string_view content) {
    bool bad = false;
    int64_t count = 0;
    for (size_t at = 0; at < content.size(); ++count) {
      put(next_code_point(content, &at, &bad), count < before ? 0 : 1);
    }
    // At the start of the text there is no character to count it with, and the library forgets it.
    if (count < before && holds_) change_ += count - before;
  }
  void flush() {
    if (holds_) out_->put(held_, change_);
    holds_ = false;
  }

 private:
  Rewrite* out_;
  uint32_t held_ = 0;
  int64_t change_ = 0;
  bool holds_ = false;
};

}  // namespace

Precompiled::Precompiled(std::string_view base64, const std::string& place) {
  const std::string bytes = from_base64(base64, place);
  if (bytes.empty()) fail_model("{}: empty, expected a table", place);
  if (const std::string wrong = check_charsmap(bytes); !wrong.empty()) {
    fail_model("{}: {}", place, wrong);
  }
  units_ = charsmap_units(bytes);
  replacements_ = bytes.substr(4 + 4 * units_.size());
}

std::optional<std::string_view> Precompiled::look_up(std::string_view chunk) const {
  size_t node = charsmap_offset(units_[0]);
  for (const char c : chunk) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte == 0) return std::nullopt;
    node ^= byte;
    const uint32_t unit = units_[node];
    if (charsmap_label(unit) != byte) return std::nullopt;
    node ^= charsmap_offset(unit);
    if (!charsmap_has_value(unit)) continue;
    const size_t at = units_[node] & 0x7FFFFFFF;
    return std::string_view(replacements_).substr(at, replacements_.find('\0', at) - at);
  }
  return std::nullopt;
}

void Precompiled::apply(AlignedText* text, AlignedText* spare) const {
  Rewrite out(text, spare);
  Replacer replacer(&out);
  bool modified = false, bad = false;
  const std::string_view all = text->text;
  for (size_t at = 0; at < all.size();) {
    const size_t end = cluster_end(all, at);
    const std::string_view cluster = all.substr(at, end - at);
    if (cluster.size() < kWholeCluster) {
      if (const auto whole = look_up(cluster)) {
        int64_t count = 0;
        for (size_t i = 0; i < cluster.size(); ++count) next_code_point(cluster, &i, &bad);
        replacer.replace(count, *whole);
        modified = true;
        at = end;
        continue;
      }
    }
    while (at < end) {
      const size_t begin = at;
      const uint32_t c = next_code_point(all, &at, &bad);
      if (const auto one = look_up(all.substr(begin, at - begin))) {
        replacer.replace(1, *one);
        modified = true;
      } else {
        replacer.put(c, 0);
      }
    }
  }
  replacer.flush();
  if (modified) out.finish();
}

}  // namespace costeff::text
