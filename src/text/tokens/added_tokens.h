#pragma once

// Special and added tokens, which are found in the text before anything else happens to it.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace costeff::text {

struct AddedToken {
  std::string content;
  int32_t id = -1;
  bool special = false;
  bool normalized = false;   // searched for in the normalised text, else in the text as given
  bool lstrip = false;       // includes the white space to its left
  bool rstrip = false;       // and to its right
  bool single_word = false;  // only where no \w is next to it
};

// A stretch of the text: ordinary text (id -1), or a token with the white space that it includes.
struct Stretch {
  size_t begin = 0, end = 0;
  int32_t id = -1;
};

// Finds tokens as the Rust tokenizers library does: the leftmost match, the longest of those,
// without overlaps. A match that single_word rejects still uses up its bytes. Time: O(bytes of
// text * longest token).
class TokenFinder {
 public:
  TokenFinder() = default;
  // Skips tokens without content; of equal tokens the first counts. Throws Error(model) if there
  // are more tokens, or longer ones, than in any real tokenizer. The message begins with `place`.
  TokenFinder(const std::vector<AddedToken>& tokens, const std::string& place);

  bool empty() const { return tokens_.empty(); }

  // Finds the first occurrence at or after `from`: begin and end of the bare token, and its index
  // in tokens(). Returns false if there is none.
  struct Hit {
    size_t begin, end;
    int32_t token;
  };
  bool next(std::string_view text, size_t from, Hit* hit) const;
  const std::vector<AddedToken>& tokens() const { return tokens_; }

 private:
  std::vector<AddedToken> tokens_;
  // A trie over bytes: the children of a node are children_[first, first + count), by byte.
  struct Node {
    uint32_t first = 0;
    uint32_t count = 0;
    int32_t token = -1;
  };
  struct Child {
    uint8_t byte;
    uint32_t node;
  };
  std::vector<Node> nodes_;
  std::vector<Child> children_;
  std::array<uint32_t, 256> roots_{};  // first byte to node; 0: none
  int only_first_byte_ = -1;           // all tokens begin with it
};

// Cuts `text` (UTF-8) into stretches that cover it, in order. An empty text has none.
class TokenSplitter {
 public:
  TokenSplitter(const TokenFinder& finder, std::string_view text) : finder_(finder), text_(text) {}
  bool next(Stretch* out);

 private:
  const TokenFinder& finder_;
  std::string_view text_;
  size_t search_ = 0;  // where the finder continues
  size_t done_ = 0;    // where the stretches returned so far end
  bool pending_ = false, ended_ = false;
  Stretch token_;
};

}  // namespace costeff::text
