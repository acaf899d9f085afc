#pragma once

// The best cut of a normalised text under a sentencepiece unigram model.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/sentencepiece/spm_file.h"

namespace costeff::text {

struct UnigramPiece {
  std::string_view text;
  double score;
  int32_t id;
};

// Rounding decides between equally good cuts, of which unigram models have many: 5 55 or 55 5. For
// a sentencepiece file, scores are added in single precision, from left to right, as sentencepiece
// 0.2 does; the golden data and Hugging Face's users have that version. 0.1.97 adds in double
// precision and rounds after comparing, and so finds other pieces for +1 (555). The Rust tokenizers
// add in double precision, and so does a tokenizer.json here.
class Unigram {
 public:
  struct Node {  // the best cut of what ends here: its last piece and where that begins
    double score;
    int32_t piece;
    int32_t begin;  // -1: nothing ends here
  };
  struct Cut {
    int32_t piece;
    uint32_t end;  // byte of the text after it
  };
  struct Scratch {
    std::vector<Node> nodes;  // [bytes + 1]
  };

  Unigram() = default;
  explicit Unigram(const SpmFile& file);
  // Pieces in any order. `unknown`, with this score, stands for a character that no piece covers.
  // Throws Error(model) if a piece occurs twice; `place` begins the message.
  Unigram(std::vector<UnigramPiece> pieces, int32_t unknown, double unknown_score,
          bool single_precision, const std::string& place);
  bool empty() const { return pieces_.empty(); }

  // Replaces *cuts by those of `text`, UTF-8 of less than 2 GB. Neighbouring unknown characters are
  // one unknown piece. Time: O(bytes * longest piece).
  void cut(std::string_view text, Scratch* scratch, std::vector<Cut>* cuts) const;

 private:
  // A trie over the bytes of the pieces. Node 0 is the root; the children of a node are adjacent,
  // in the order of their bytes.
  std::vector<uint8_t> bytes_;   // [nodes] the byte that leads there
  std::vector<uint32_t> first_;  // [nodes + 1] first child; the next node's ends them
  std::vector<int32_t> pieces_;  // [nodes] the piece that ends there, -1 if none
  std::vector<double> scores_;   // [nodes] its score
  double unknown_score_ = 0;
  int32_t unknown_ = -1;
  bool single_precision_ = false;
};

}  // namespace costeff::text
