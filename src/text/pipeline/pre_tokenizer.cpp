#include "text/pipeline/pre_tokenizer.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/bpe/bpe_split.h"
#include "text/chars/char_class.h"
#include "text/chars/char_tables.h"

namespace costeff::text {
namespace {

using StepKind = PreTokenizerStep::Kind;

bool is_bert_punctuation(uint32_t c) { return bert_class(c) == BertClass::punctuation; }

// The parts of a word by a test of single characters: each character that passes is a match.
template <typename Test>
void find_characters(std::string_view word, Test&& test, std::vector<PatternPart>* parts) {
  parts->clear();
  size_t done = 0;
  bool bad = false;
  for (size_t at = 0; at < word.size();) {
    const size_t begin = at;
    if (!test(next_code_point(word, &at, &bad))) continue;
    if (done < begin) parts->push_back({done, begin, false});
    parts->push_back({begin, at, true});
    done = at;
  }
  if (done < word.size()) parts->push_back({done, word.size(), false});
}

// Joins parts in place as the Rust library's split() does; all that is left is words, matches or
// not. with_next goes from the end.
void join_parts(Delimiters how, std::vector<PatternPart>* parts) {
  const bool reversed = how == Delimiters::with_next;
  if (reversed) std::reverse(parts->begin(), parts->end());
  size_t kept = 0;
  bool previous = false;
  for (const PatternPart& part : *parts) {
    const bool joins =
        how == Delimiters::contiguous ? part.found == previous : part.found && !previous;
    previous = part.found;
    if (joins && kept > 0) {
      PatternPart& last = (*parts)[kept - 1];
      (reversed ? last.begin : last.end) = reversed ? part.begin : part.end;
    } else {
      (*parts)[kept++] = part;
    }
  }
  parts->resize(kept);
  if (reversed) std::reverse(parts->begin(), parts->end());
}

// Appends the words that the parts of the word at `base` make.
void add_words(Delimiters how, size_t base, std::vector<PatternPart>* parts,
               std::vector<WordSpan>* words) {
  const bool joins = how != Delimiters::removed && how != Delimiters::isolated;
  if (joins) join_parts(how, parts);
  for (const PatternPart& part : *parts) {
    if (part.begin == part.end || (how == Delimiters::removed && part.found)) continue;
    words->push_back({base + part.begin, base + part.end});
  }
}

// \w+|[^\w\s]+
void whitespace_words(std::string_view word, size_t base, std::vector<WordSpan>* words) {
  enum class Is : uint8_t { space, letter, other } now = Is::space;
  size_t begin = 0;
  bool bad = false;
  for (size_t at = 0; at <= word.size();) {
    const size_t start = at;
    Is next = Is::space;
    if (at < word.size()) {
      const uint32_t c = next_code_point(word, &at, &bad);
      next = is_white_space(c) ? Is::space : is_word_char(c) ? Is::letter : Is::other;
    } else {
      ++at;
    }
    if (next == now) continue;
    if (now != Is::space) words->push_back({base + begin, base + start});
    now = next;
    begin = start;
  }
}

void fixed_words(std::string_view word, size_t base, int64_t length, std::vector<WordSpan>* words) {
  bool bad = false;
  for (size_t at = 0; at < word.size();) {
    const size_t begin = at;
    for (int64_t i = 0; i < length && at < word.size(); ++i) next_code_point(word, &at, &bad);
    words->push_back({base + begin, base + at});
  }
}

void cut_word(const PreTokenizerStep& step, std::string_view text, WordSpan w,
              PreTokenizerScratch* scratch) {
  const std::string_view word = text.substr(w.begin, w.end - w.begin);
  std::vector<PatternPart>* parts = &scratch->parts;
  std::vector<WordSpan>* out = &scratch->next;
  switch (step.kind) {
    case StepKind::whitespace:
      return whitespace_words(word, w.begin, out);
    case StepKind::whitespace_split:
      find_characters(word, is_white_space, parts);
      return add_words(Delimiters::removed, w.begin, parts, out);
    case StepKind::bert:
      find_characters(
          word, [](uint32_t c) { return is_white_space(c) || is_bert_punctuation(c); }, parts);
      // White space goes, punctuation stays.
      for (const PatternPart& part : *parts) {
        size_t at = part.begin;
        bool bad = false;
        if (part.found && is_white_space(next_code_point(word, &at, &bad))) continue;
        out->push_back({w.begin + part.begin, w.begin + part.end});
      }
      return;
    case StepKind::punctuation:
      find_characters(word, is_bert_punctuation, parts);
      return add_words(step.delimiters, w.begin, parts, out);
    case StepKind::digits:
      find_characters(word, is_numeric, parts);
      return add_words(step.delimiters, w.begin, parts, out);
    case StepKind::character: {
      size_t end = 0;
      bool bad = false;
      const uint32_t delimiter = next_code_point(step.content, &end, &bad);
      find_characters(
          word, [=](uint32_t c) { return c == delimiter; }, parts);
      return add_words(Delimiters::removed, w.begin, parts, out);
    }
    case StepKind::split:
      step.pattern.find(word, &scratch->normalizer.regex, parts);
      if (step.invert) {
        for (PatternPart& part : *parts) part.found = !part.found;
      }
      return add_words(step.delimiters, w.begin, parts, out);
    case StepKind::fixed_length:
      return fixed_words(word, w.begin, step.length, out);
    case StepKind::metaspace:
    case StepKind::byte_level:
      break;
  }
}

bool wants_prefix(const PreTokenizerStep& step, const AlignedText& text, WordSpan w) {
  if (std::string_view(text.text).substr(w.begin).starts_with(step.content)) return false;
  if (step.prefix == PreTokenizerStep::Prefix::first) return text.source[w.begin].begin == 0;
  return step.prefix == PreTokenizerStep::Prefix::always;
}

// Replaces spaces by `content` and makes words begin with it.
void metaspace(const PreTokenizerStep& step, AlignedText* text, PreTokenizerScratch* scratch) {
  Rewrite out(text, &scratch->normalizer.spare);
  scratch->next.clear();
  for (const WordSpan w : scratch->words) {
    const size_t begin = out.size();
    size_t from = w.begin;
    // A space at the beginning becomes the prefix.
    if (text->text[w.begin] != ' ' && wants_prefix(step, *text, w)) {
      from = out.prepend(step.content, w.begin);
    }
    while (from < w.end) {
      const size_t space = std::min(text->text.find(' ', from), w.end);
      out.copy(from, space);
      if (space == w.end) break;
      out.move_to(space + 1);
      out.insert(step.content);
      from = space + 1;
    }
    scratch->next.push_back({begin, out.size()});
  }
  out.finish();
  scratch->words.swap(scratch->next);
  if (!step.cuts) return;
  scratch->next.clear();
  TextPattern mark;
  mark.literal = step.content;
  for (const WordSpan w : scratch->words) {
    mark.find(std::string_view(text->text).substr(w.begin, w.end - w.begin),
              &scratch->normalizer.regex, &scratch->parts);
    add_words(Delimiters::with_next, w.begin, &scratch->parts, &scratch->next);
  }
  scratch->words.swap(scratch->next);
}

void byte_level(const PreTokenizerStep& step, AlignedText* text, PreTokenizerScratch* scratch) {
  if (step.add_prefix_space) {
    Rewrite out(text, &scratch->normalizer.spare);
    scratch->next.clear();
    for (const WordSpan w : scratch->words) {
      const size_t begin = out.size();
      const bool has = text->text[w.begin] == ' ';
      out.copy(has ? w.begin : out.prepend(" ", w.begin), w.end);
      scratch->next.push_back({begin, out.size()});
    }
    out.finish();
    scratch->words.swap(scratch->next);
  }
  Rewrite out(text, &scratch->normalizer.spare);
  scratch->next.clear();
  for (const WordSpan w : scratch->words) {
    const std::string_view word = std::string_view(text->text).substr(w.begin, w.end - w.begin);
    for (size_t at = 0; at < word.size();) {
      const size_t end = step.cuts ? bpe_word_end(word, at) : word.size();
      const size_t begin = out.size();
      out.move_to(w.begin + at);
      put_byte_spellings(text->text, w.begin + at, w.begin + end, &out);
      scratch->next.push_back({begin, out.size()});
      at = end;
    }
  }
  out.finish();
  scratch->words.swap(scratch->next);
}

}  // namespace

void pre_tokenize(const std::vector<PreTokenizerStep>& steps, AlignedText* text,
                  PreTokenizerScratch* scratch) {
  scratch->words.clear();
  if (!text->text.empty()) scratch->words.push_back({0, text->text.size()});
  scratch->normalizer.regex.steps = pattern_steps(text->text.size());
  for (const PreTokenizerStep& step : steps) {
    if (step.kind == StepKind::metaspace) {
      metaspace(step, text, scratch);
    } else if (step.kind == StepKind::byte_level) {
      byte_level(step, text, scratch);
    } else {
      scratch->next.clear();
      for (const WordSpan w : scratch->words) cut_word(step, text->text, w, scratch);
      scratch->words.swap(scratch->next);
    }
  }
}

}  // namespace costeff::text
