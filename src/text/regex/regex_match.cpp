#include "base/fail.h"
#include "base/utf8.h"
#include "text/chars/char_class.h"
#include "text/chars/utf8_bytes.h"
#include "text/regex/regex.h"

namespace costeff::text {
namespace {

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
  while (at > 0 && is_continuation(text[at]));
  return is_pattern_word(code_point_at(text, &at));
}

bool word_after(std::string_view text, size_t at) {
  return at < text.size() && is_pattern_word(code_point_at(text, &at));
}

}  // namespace

size_t Regex::match(std::string_view text, size_t at, Scratch* scratch) const {
  scratch->stack.clear();
  return run(text, 0, at, scratch);
}

// Backtracks: the frames above `base` are the ways not tried yet.
size_t Regex::run(std::string_view text, uint32_t op, size_t at, Scratch* scratch) const {
  auto& stack = scratch->stack;
  const size_t base = stack.size();
  for (;;) {
    if (scratch->steps == 0) {
      fail_input("the tokenizer's pattern \"{}\" takes too long on this text of {} bytes",
                 printable(pattern_, 60), text.size());
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
        // As in Oniguruma, a newline that ends the text begins no line.
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
