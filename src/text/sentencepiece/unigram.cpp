#include "text/sentencepiece/unigram.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/fail.h"
#include "base/utf8.h"

namespace costeff::text {
namespace {

// What sentencepiece subtracts: from the lowest score for an unknown character; from the highest
// score times its bytes for a user-defined piece.
constexpr float kUnknownPenalty = 10;
constexpr double kUserDefinedPenalty = 0.1;

size_t char_bytes(char lead) {
  const auto b = static_cast<uint8_t>(lead);
  return b < 0xC0 ? 1 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : 4;
}

}  // namespace

Unigram::Unigram(const SpmFile& file) {
  float low = std::numeric_limits<float>::max(), high = std::numeric_limits<float>::lowest();
  for (const SpmPiece& p : file.pieces) {
    if (p.type != PieceType::normal) continue;
    low = std::min(low, p.score);
    high = std::max(high, p.score);
  }
  if (low > high) fail_model("{}: a unigram model without a piece of type normal", file.path);
  std::vector<UnigramPiece> pieces;
  for (size_t i = 0; i < file.pieces.size(); ++i) {
    const SpmPiece& p = file.pieces[i];
    if (p.type != PieceType::normal && p.type != PieceType::user_defined) continue;
    const float bytes = static_cast<float>(p.size);
    const float score = p.type == PieceType::normal
                            ? p.score
                            : static_cast<float>(bytes * high - kUserDefinedPenalty);
    pieces.push_back({file.text(i), score, static_cast<int32_t>(i)});
  }
  *this = Unigram(std::move(pieces), file.unknown, low - kUnknownPenalty, true, file.path);
}

Unigram::Unigram(std::vector<UnigramPiece> sorted, int32_t unknown, double unknown_score,
                 bool single_precision, const std::string& place)
    : unknown_score_(unknown_score), unknown_(unknown), single_precision_(single_precision) {
  std::sort(sorted.begin(), sorted.end(),
            [](const UnigramPiece& a, const UnigramPiece& b) { return a.text < b.text; });

  // Level by level: a node is a range of the sorted pieces, which agree in their first `depth`
  // bytes.
  struct Range {
    size_t begin, end;
  };
  std::vector<Range> level{{0, sorted.size()}}, below;
  bytes_.push_back(0);
  for (size_t depth = 0; !level.empty(); ++depth) {
    for (const Range& range : level) {
      size_t at = range.begin;
      int32_t piece = -1;
      double score = 0;
      if (at < range.end && sorted[at].text.size() == depth) {
        piece = sorted[at].id;
        score = sorted[at++].score;
      }
      if (at < range.end && sorted[at].text.size() == depth) {
        fail_model("{}: piece \"{}\" occurs twice", place, printable(sorted[at].text, 60));
      }
      pieces_.push_back(piece);
      scores_.push_back(score);
      first_.push_back(static_cast<uint32_t>(bytes_.size()));
      while (at < range.end) {
        const size_t from = at;
        const char byte = sorted[from].text[depth];
        while (at < range.end && sorted[at].text[depth] == byte) ++at;
        below.push_back({from, at});
        bytes_.push_back(static_cast<uint8_t>(byte));
      }
    }
    level.swap(below);
    below.clear();
  }
  first_.push_back(static_cast<uint32_t>(bytes_.size()));
}

void Unigram::cut(std::string_view text, Scratch* scratch, std::vector<Cut>* cuts) const {
  cuts->clear();
  auto& best = scratch->nodes;
  best.assign(text.size() + 1, {0, -1, -1});
  const auto offer = [&](size_t begin, size_t end, int32_t piece, double score) {
    double sum = best[begin].score + score;
    if (single_precision_) sum = static_cast<float>(sum);
    if (best[end].begin >= 0 && !(sum > best[end].score)) return;
    best[end] = {sum, piece, static_cast<int32_t>(begin)};
  };
  for (size_t begin = 0; begin < text.size();) {
    const size_t next = std::min(begin + char_bytes(text[begin]), text.size());
    bool known = false;  // the character alone is a piece
    uint32_t node = 0;
    for (size_t at = begin; at < text.size();) {
      const uint8_t* children = bytes_.data() + first_[node];
      const void* child =
          std::memchr(children, static_cast<uint8_t>(text[at]), first_[node + 1] - first_[node]);
      if (!child) break;
      node = static_cast<uint32_t>(static_cast<const uint8_t*>(child) - bytes_.data());
      ++at;
      if (pieces_[node] < 0) continue;
      offer(begin, at, pieces_[node], scores_[node]);
      known = known || at == next;
    }
    if (!known) offer(begin, next, unknown_, unknown_score_);
    begin = next;
  }
  for (size_t end = text.size(); end > 0;) {
    const Node& n = best[end];
    // From the right: an unknown piece joins the one to its right.
    const bool joins = n.piece == unknown_ && !cuts->empty() && cuts->back().piece == unknown_;
    if (!joins) cuts->push_back({n.piece, static_cast<uint32_t>(end)});
    end = static_cast<size_t>(n.begin);
  }
  std::reverse(cuts->begin(), cuts->end());
}

}  // namespace costeff::text
