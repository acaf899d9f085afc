#include "tasks/judge/squad_metrics.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <span>

#include "base/utf8.h"

namespace costeff::tasks {
namespace {

struct Range {
  uint32_t first, last;
};
struct LowerRun {
  uint32_t first, last, stride;
  int32_t delta;
};
#include "tasks/judge/squad_tables.inc"

constexpr uint32_t kSigma = 0x3A3, kFinalSigma = 0x3C2, kDottedI = 0x130;

bool in(std::span<const Range> ranges, uint32_t c) {
  const auto it = std::upper_bound(ranges.begin(), ranges.end(), c,
                                   [](uint32_t v, const Range& r) { return v < r.first; });
  return it != ranges.begin() && c <= std::prev(it)->last;
}

uint32_t lower_one(uint32_t c) {
  const auto it = std::upper_bound(std::begin(kLower), std::end(kLower), c,
                                   [](uint32_t v, const LowerRun& r) { return v < r.first; });
  if (it == std::begin(kLower)) return c;
  const LowerRun& run = *std::prev(it);
  if (c > run.last || (c - run.first) % run.stride != 0) return c;
  return static_cast<uint32_t>(static_cast<int64_t>(c) + run.delta);
}

// Whether a capital sigma ends a word: a letter comes before it and none after it, ignorable
// characters aside (Unicode's Final_Sigma, as CPython applies it).
bool is_final_sigma(const std::u32string& text, size_t at) {
  size_t before = at;
  while (before > 0 && in(kIgnorable, text[before - 1])) --before;
  if (before == 0 || !in(kCased, text[before - 1])) return false;
  size_t next = at + 1;
  while (next < text.size() && in(kIgnorable, text[next])) ++next;
  return next == text.size() || !in(kCased, text[next]);
}

std::u32string decode(std::string_view text) {
  std::u32string out;
  bool bad = false;
  for (size_t at = 0; at < text.size();) out += next_code_point(text, &at, &bad);
  return out;
}

std::u32string lower(const std::u32string& text) {
  std::u32string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == kDottedI) {
      out += {U'i', char32_t{0x307}};
    } else if (text[i] == kSigma && is_final_sigma(text, i)) {
      out += kFinalSigma;
    } else {
      out += lower_one(text[i]);
    }
  }
  return out;
}

// Python's string.punctuation.
bool is_punctuation(uint32_t c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
         (c >= '{' && c <= '~');
}

std::vector<std::string> words_of(std::string_view normal) {
  std::vector<std::string> words;
  while (!normal.empty()) {
    const size_t blank = std::min(normal.find(' '), normal.size());
    words.emplace_back(normal.substr(0, blank));
    normal.remove_prefix(std::min(blank + 1, normal.size()));
  }
  return words;
}

double f1_of_words(const std::vector<std::string>& gold, const std::vector<std::string>& answer,
                   bool version_2) {
  // Version 1.1 has no rule for empty answers: they have no word in common, and score 0.
  if (version_2 && (gold.empty() || answer.empty())) return gold == answer ? 1 : 0;
  std::map<std::string_view, int64_t> left;
  for (const std::string& word : gold) ++left[word];
  int64_t same = 0;
  for (const std::string& word : answer) {
    const auto it = left.find(word);
    if (it != left.end() && it->second-- > 0) ++same;
  }
  if (same == 0) return 0;
  const double precision = static_cast<double>(same) / static_cast<double>(answer.size());
  const double recall = static_cast<double>(same) / static_cast<double>(gold.size());
  return 2 * precision * recall / (precision + recall);
}

}  // namespace

std::string normalize_answer(std::string_view text) {
  std::u32string plain = lower(decode(text));
  std::erase_if(plain, is_punctuation);
  std::string out, word;
  bool gap = false;  // a blank is due before the next character
  const auto put = [&](std::string_view piece) {
    if (gap && !out.empty()) out += ' ';
    gap = false;
    out += piece;
  };
  for (size_t i = 0; i < plain.size();) {
    if (in(kAlnum, plain[i])) {
      // A whole run of letters and digits is what \b(a|an|the)\b can match.
      word.clear();
      for (; i < plain.size() && in(kAlnum, plain[i]); ++i) append_utf8(plain[i], &word);
      if (word == "a" || word == "an" || word == "the") {
        gap = true;
      } else {
        put(word);
      }
    } else if (in(kSpace, plain[i])) {
      gap = true;
      ++i;
    } else {
      word.clear();
      append_utf8(plain[i++], &word);
      put(word);
    }
  }
  return out;
}

AnswerScore score_answer(std::string_view answer, const std::vector<std::string>& gold,
                         bool version_2) {
  std::vector<std::string> expected;
  for (const std::string& text : gold) {
    std::string normal = normalize_answer(text);
    if (!version_2 || !normal.empty()) expected.push_back(std::move(normal));
  }
  if (version_2 && expected.empty()) expected.emplace_back();
  const std::string given = normalize_answer(answer);
  const std::vector<std::string> given_words = words_of(given);
  AnswerScore best;
  for (const std::string& text : expected) {
    best.exact = std::max(best.exact, text == given ? 1.0 : 0.0);
    best.f1 = std::max(best.f1, f1_of_words(words_of(text), given_words, version_2));
  }
  return best;
}

}  // namespace costeff::tasks
