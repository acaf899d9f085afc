#include <costeff/error.h>

#include <algorithm>

#include "base/utf8.h"
#include "text/char_tables.h"
#include "text/pipeline/char_class.h"
#include "text/pipeline/regex.h"

namespace costeff::text {
namespace {

bool is_ascii_letter(uint32_t c) { return (c | 32) >= 'a' && (c | 32) <= 'z' && c < 128; }

uint32_t code_point_at(std::string_view text, size_t* at) {
  const auto byte = static_cast<uint8_t>(text[*at]);
  if (byte < 0x80) {
    ++*at;
    return byte;
  }
  bool bad = false;
  return next_code_point(text, at, &bad);
}

bool word_before(std::string_view text, size_t at) {
  if (at == 0) return false;
  do --at;
  while (at > 0 && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80);
  return is_pattern_word(code_point_at(text, &at));
}

bool word_after(std::string_view text, size_t at) {
  return at < text.size() && is_pattern_word(code_point_at(text, &at));
}

}  // namespace

bool CharSet::has(uint32_t c) const {
  return std::any_of(items.begin(), items.end(), [&](const Item& item) {
    switch (item.kind) {
      case Item::Kind::range:
        return (c >= item.first && c <= item.last) != item.negated;
      case Item::Kind::categories:
        return ((item.first >> static_cast<int>(category(c))) & 1) != item.negated;
      case Item::Kind::space:
        return is_white_space(c) != item.negated;
      case Item::Kind::word:
        return is_pattern_word(c) != item.negated;
      case Item::Kind::class_word:
        return is_class_word(c) != item.negated;
    }
    return false;
  });
}

bool CharSet::looks_like(uint32_t c) const {
  bool found = has(c);
  if (!found && fold_case) {
    if (is_ascii_letter(c)) found = has(c ^ 32);
    if (c == 0x17F || (c | 32) == 's') found = found || has('s') || has('S') || has(0x17F);
    if (c == 0x212A || (c | 32) == 'k') found = found || has('k') || has('K') || has(0x212A);
  }
  return found != negated;
}

void CharSet::complete() {
  for (uint32_t c = 0; c < 128; ++c) ascii[c] = looks_like(c);
}

size_t Regex::match(std::string_view text, size_t at, Scratch* scratch) const {
  scratch->stack.clear();
  return run(text, 0, at, scratch);
}

// Backtracking: the frames above `base` are the ways not yet tried.
size_t Regex::run(std::string_view text, uint32_t op, size_t at, Scratch* scratch) const {
  auto& stack = scratch->stack;
  const size_t base = stack.size();
  for (;;) {
    if (scratch->steps == 0) {
      throw_input("the tokenizer's pattern \"" + printable(pattern_, 60) +
                  "\" takes too long on this text of " + std::to_string(text.size()) + " bytes");
    }
    --scratch->steps;
    const Op& o = ops_[op];
    bool ok = true;
    switch (o.kind) {
      case Op::Kind::character:
      case Op::Kind::set: {
        size_t next = at;
        ok = at < text.size();
        if (ok) {
          const uint32_t c = code_point_at(text, &next);
          ok = o.kind == Op::Kind::character ? c == o.x : sets_[o.x].contains(c);
        }
        at = next;
        ++op;
        break;
      }
      case Op::Kind::split:
        stack.push_back({o.y, at});
        op = o.x;
        break;
      case Op::Kind::jump:
        op = o.x;
        break;
      case Op::Kind::line_start:
        ok = at == 0 || text[at - 1] == '\n';
        // As there, a newline that ends the text begins no line.
        ok = ok && (at == 0 || at < text.size());
        ++op;
        break;
      case Op::Kind::line_end:
        ok = at == text.size() || text[at] == '\n';
        ++op;
        break;
      case Op::Kind::text_start:
        ok = at == 0;
        ++op;
        break;
      case Op::Kind::text_end:
        ok = at == text.size();
        ++op;
        break;
      case Op::Kind::word_edge:
      case Op::Kind::no_word_edge:
        ok = (word_before(text, at) != word_after(text, at)) == (o.kind == Op::Kind::word_edge);
        ++op;
        break;
      case Op::Kind::ahead:
      case Op::Kind::not_ahead:
        ok = (run(text, op + 1, at, scratch) != std::string_view::npos) ==
             (o.kind == Op::Kind::ahead);
        op = o.x;
        break;
      case Op::Kind::atomic: {
        const size_t end = run(text, op + 1, at, scratch);
        ok = end != std::string_view::npos;
        at = end;
        op = o.x;
        break;
      }
      case Op::Kind::done:
        stack.resize(base);
        return at;
    }
    if (ok) continue;
    if (stack.size() == base) return std::string_view::npos;
    op = stack.back().op;
    at = stack.back().at;
    stack.pop_back();
  }
}

}  // namespace costeff::text
