#include "text/tokens/added_tokens.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/fail.h"
#include "base/utf8.h"
#include "text/chars/char_tables.h"
#include "text/chars/utf8_bytes.h"

namespace costeff::text {
namespace {

constexpr size_t kMaxTokens = 100'000;
constexpr size_t kMaxTokenBytes = 1000;  // keeps the search linear in practice

uint32_t last_code_point(std::string_view text, size_t* start) {
  *start = text.size() - 1;
  while (*start > 0 && is_continuation(text[*start])) --*start;
  bool bad = false;
  size_t at = *start;
  return next_code_point(text, &at, &bad);
}

bool ends_with_word(std::string_view text) {
  size_t start = 0;
  return !text.empty() && is_regex_word(last_code_point(text, &start));
}

bool starts_with_word(std::string_view text) {
  bool bad = false;
  size_t at = 0;
  return !text.empty() && is_regex_word(next_code_point(text, &at, &bad));
}

size_t without_spaces_at_end(std::string_view text, size_t not_below) {
  size_t end = text.size();
  while (end > not_below) {
    size_t start = 0;
    if (!is_white_space(last_code_point(text.substr(0, end), &start))) break;
    end = start;
  }
  return end;
}

size_t after_spaces(std::string_view text, size_t at) {
  while (at < text.size()) {
    bool bad = false;
    size_t next = at;
    if (!is_white_space(next_code_point(text, &next, &bad))) break;
    at = next;
  }
  return at;
}

}  // namespace

TokenFinder::TokenFinder(const std::vector<AddedToken>& tokens, const std::string& place) {
  std::vector<size_t> order;
  for (const AddedToken& t : tokens) {
    if (t.content.empty()) continue;
    if (t.content.size() > kMaxTokenBytes) {
      fail_model("{}: added token \"{}\" has {} bytes, at most {} are supported", place,
                 printable(t.content, 40), t.content.size(), kMaxTokenBytes);
    }
    tokens_.push_back(t);
  }
  if (tokens_.size() > kMaxTokens) {
    fail_model("{}: {} added tokens, at most {} are supported", place, tokens_.size(), kMaxTokens);
  }
  if (tokens_.empty()) return;
  order.resize(tokens_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return tokens_[a].content < tokens_[b].content; });

  // Level by level: a node owns the range [from, to) of the sorted tokens that share its prefix.
  struct Range {
    size_t from, to;
  };
  std::vector<Range> ranges{{0, order.size()}};
  nodes_.push_back({});
  std::vector<size_t> depth{0};
  for (size_t n = 0; n < nodes_.size(); ++n) {
    auto [from, to] = ranges[n];
    const size_t d = depth[n];
    while (from < to && tokens_[order[from]].content.size() == d) {
      if (nodes_[n].token < 0) nodes_[n].token = static_cast<int32_t>(order[from]);
      ++from;
    }
    nodes_[n].first = static_cast<uint32_t>(children_.size());
    while (from < to) {
      const char byte = tokens_[order[from]].content[d];
      size_t end = from;
      while (end < to && tokens_[order[end]].content[d] == byte) ++end;
      children_.push_back({static_cast<uint8_t>(byte), static_cast<uint32_t>(nodes_.size())});
      ++nodes_[n].count;
      nodes_.push_back({});
      ranges.push_back({from, end});
      depth.push_back(d + 1);
      from = end;
    }
  }
  for (uint32_t i = 0; i < nodes_[0].count; ++i) roots_[children_[i].byte] = children_[i].node;
  if (nodes_[0].count == 1) only_first_byte_ = children_[0].byte;
}

bool TokenFinder::next(std::string_view text, size_t from, Hit* hit) const {
  if (tokens_.empty()) return false;
  for (size_t at = from; at < text.size(); ++at) {
    if (only_first_byte_ >= 0) {
      const void* p = std::memchr(text.data() + at, only_first_byte_, text.size() - at);
      if (!p) return false;
      at = static_cast<size_t>(static_cast<const char*>(p) - text.data());
    }
    uint32_t node = roots_[static_cast<uint8_t>(text[at])];
    if (node == 0) continue;
    int32_t longest = -1;
    size_t end = at;
    for (size_t i = at + 1;; ++i) {
      if (nodes_[node].token >= 0) {
        longest = nodes_[node].token;
        end = i;
      }
      if (i >= text.size()) break;
      const uint8_t byte = static_cast<uint8_t>(text[i]);
      const Child* const first = children_.data() + nodes_[node].first;
      const Child* const last = first + nodes_[node].count;
      const Child* child =
          std::lower_bound(first, last, byte, [](const Child& c, uint8_t b) { return c.byte < b; });
      if (child == last || child->byte != byte) break;
      node = child->node;
    }
    if (longest >= 0) {
      *hit = {at, end, longest};
      return true;
    }
  }
  return false;
}

bool TokenSplitter::next(Stretch* out) {
  while (!pending_ && !ended_) {
    TokenFinder::Hit hit;
    if (!finder_.next(text_, search_, &hit)) {
      ended_ = true;
      break;
    }
    search_ = hit.end;
    const AddedToken& token = finder_.tokens()[hit.token];
    if (token.single_word &&
        (ends_with_word(text_.substr(0, hit.begin)) || starts_with_word(text_.substr(hit.end)))) {
      continue;
    }
    token_ = {hit.begin, hit.end, token.id};
    if (token.rstrip) token_.end = after_spaces(text_, hit.end);
    if (token.lstrip) {
      token_.begin = std::max(without_spaces_at_end(text_.substr(0, hit.begin), done_), done_);
      // All of it lies in the white space of the token before: it is lost, as in the library.
      if (token_.begin >= token_.end) continue;
    }
    pending_ = true;
  }
  const size_t text_end = pending_ ? token_.begin : text_.size();
  if (done_ < text_end) {
    *out = {done_, text_end, -1};
    done_ = text_end;
    return true;
  }
  if (!pending_) return false;
  // A token inside the white space of the one before still counts if it has no lstrip.
  *out = token_;
  done_ = token_.end;
  pending_ = false;
  return true;
}

}  // namespace costeff::text
