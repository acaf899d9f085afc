#include "text/tokens/vocab.h"

#include <algorithm>
#include <bit>

#include "base/fail.h"
#include "base/utf8.h"
#include "text/tokens/next_line.h"

namespace costeff::text {

std::string in_quotes(std::string_view token) {
  return fmt::format("\"{}\"", printable(token, 60));
}

Vocab Vocab::parse(std::string_view text, const std::string& place) {
  std::string_view rest = text;
  if (rest.starts_with("\xFF\xFE") || rest.starts_with("\xFE\xFF")) {
    fail_model("{}: begins with a UTF-16 byte order mark, expected UTF-8, one token a line", place);
  }
  if (const size_t nul = rest.find('\0'); nul != rest.npos) {
    fail_model("{}:{}: a NUL byte (UTF-16, or not text), expected UTF-8, one token a line", place,
               1 + std::count(text.begin(), text.begin() + nul, '\n'));
  }
  if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);

  std::vector<std::string_view> lines;
  lines.reserve(static_cast<size_t>(std::count(rest.begin(), rest.end(), '\n')) + 1);
  while (!rest.empty()) {
    const std::string_view line = next_line(&rest);
    lines.push_back(line);
    if (!is_utf8(line)) fail_model("{}:{}: {} is not UTF-8", place, lines.size(), in_quotes(line));
  }
  if (lines.empty()) fail_model("{}: empty, expected one token a line", place);
  if (lines[0].starts_with('{') && lines[0].size() > 1) {
    fail_model("{}: begins with \"{}\": a JSON object, expected one token a line", place,
               printable(lines[0], 40));
  }
  if (lines[0] == "{" && lines.size() > 1 && lines[1].find("\":") != std::string_view::npos) {
    fail_model("{}: a JSON object, expected one token a line", place);
  }
  return from_tokens(lines, place);
}

Vocab Vocab::from_tokens(const std::vector<std::string_view>& tokens, const std::string& place) {
  if (static_cast<int64_t>(tokens.size()) > kMaxVocabLines) {
    fail_model("{}: {} tokens, at most {} are supported", place, tokens.size(), kMaxVocabLines);
  }
  uint64_t total = 0;
  for (const std::string_view t : tokens) total += t.size();
  if (total > kMaxVocabBytes) {
    fail_model("{}: {} bytes of tokens, at most {} are supported", place, total, kMaxVocabBytes);
  }
  Vocab v;
  v.bytes_.reserve(total);
  v.starts_.reserve(tokens.size() + 1);
  for (const std::string_view t : tokens) {
    v.bytes_.append(t);
    v.starts_.push_back(static_cast<uint32_t>(v.bytes_.size()));
    v.longest_ = std::max(v.longest_, t.size());
  }
  v.make_index(place);
  return v;
}

void Vocab::make_index(const std::string& place) {
  size_t count = 0;  // ids may leave gaps
  for (int64_t id = 0; id < size(); ++id) count += !token(id).empty();
  const size_t slots = std::bit_ceil(2 * count + 2);
  mask_ = slots - 1;
  shift_ = 64 - std::countr_zero(slots);
  // A file made to collide under one seed will not under the next.
  for (seed_ = 1; seed_ <= 8; ++seed_) {
    slots_.assign(slots, Slot{});
    distinct_ = 0;
    if (try_index()) return;
  }
  fail_model("{}: its tokens collide in every hash tried: not a vocabulary of a language", place);
}

bool Vocab::try_index() {
  constexpr int kMaxProbes = 2000;  // at half load, chance makes a few dozen
  for (int64_t id = 0; id < size(); ++id) {
    const std::string_view t = token(id);
    if (t.empty()) continue;
    const uint64_t h = hash_text(hash_start(), t);
    const uint32_t tag = static_cast<uint32_t>(h);
    size_t at = h >> shift_;
    int probes = 0;
    while (slots_[at].id >= 0 && !(slots_[at].tag == tag && equals(slots_[at].id, t, {}))) {
      if (++probes > kMaxProbes) return false;
      at = (at + 1) & mask_;
    }
    distinct_ += slots_[at].id < 0;
    slots_[at] = {tag, static_cast<int32_t>(id)};
  }
  return true;
}

int32_t unk_token_id(const Vocab& vocab, std::string_view unk_token, const std::string& place) {
  const int32_t id = vocab.find(unk_token);
  if (id >= 0) return id;
  fail_model("{}: unk_token is {}, which the vocabulary lacks", place, in_quotes(unk_token));
}

}  // namespace costeff::text
