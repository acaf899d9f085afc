#include <costeff/error.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "base/utf8.h"
#include "text/pipeline/char_class.h"
#include "text/pipeline/regex.h"

namespace costeff::text {
namespace {

constexpr int kMaxDepth = 32;
constexpr size_t kMaxOps = 4000;
constexpr uint32_t kMaxRepeat = 1000;
constexpr uint32_t kNoLimit = ~uint32_t{0};
constexpr uint32_t kLastCodePoint = 0x10FFFF;

struct RegexNode {
  enum class Kind { character, set, sequence, choice, repeat, look, group, anchor } kind;
  uint32_t x = 0;             // character, index of the set
  uint32_t min = 0, max = 0;  // of repeat
  bool lazy = false, possessive = false;
  char mark = 0;  // anchor: ^ $ A z b B; look: = or !; group: > or 0
  std::vector<RegexNode> parts = {};
};

// Matches the empty text.
bool is_nullable(const RegexNode& n) {
  const auto all = [&](auto test) { return std::all_of(n.parts.begin(), n.parts.end(), test); };
  switch (n.kind) {
    case RegexNode::Kind::character:
    case RegexNode::Kind::set:
      return false;
    case RegexNode::Kind::sequence:
    case RegexNode::Kind::group:
      return all(is_nullable);
    case RegexNode::Kind::choice:
      return !all([](const RegexNode& p) { return !is_nullable(p); });
    case RegexNode::Kind::repeat:
      return n.min == 0 || is_nullable(n.parts[0]);
    case RegexNode::Kind::look:
    case RegexNode::Kind::anchor:
      return true;
  }
  return true;
}

constexpr std::string_view kCategoryNames[kCategoryCount] = {
    "lu", "ll", "lt", "lm", "lo", "mn", "mc", "me", "nd", "nl", "no", "pc", "pd", "ps", "pe",
    "pi", "pf", "po", "sm", "sc", "sk", "so", "zs", "zl", "zp", "cc", "cf", "co", "cs", "cn"};

// Bits of the categories that a name, "L" or "Lu" in any case, stands for; 0: no such name.
uint32_t categories_of(std::string_view name) {
  std::string lower;
  for (const char c : name) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  uint32_t mask = 0;
  for (int i = 0; i < kCategoryCount; ++i) {
    if (kCategoryNames[i] == lower || (lower.size() == 1 && kCategoryNames[i][0] == lower[0])) {
      mask |= 1u << i;
    }
  }
  return mask;
}

}  // namespace

class RegexParser {
 public:
  RegexParser(std::string_view pattern, const std::string& place, Regex* out)
      : rest_(pattern), place_(place), out_(out) {
    out_->pattern_ = pattern;
  }
  void parse() {
    const RegexNode whole = choice(0);
    if (!rest_.empty()) unsupported("\")\" without \"(\"");
    emit(whole);
    add({Regex::Op::Kind::done});
    for (CharSet& set : out_->sets_) set.complete();
  }

 private:
  using Node = RegexNode;
  using Item = CharSet::Item;

  [[noreturn]] void unsupported(const std::string& what) const {
    throw_model(place_ + ": pattern \"" + printable(out_->pattern_, 80) + "\": " + what +
                " is not supported");
  }
  bool take(std::string_view prefix) {
    if (!rest_.starts_with(prefix)) return false;
    rest_.remove_prefix(prefix.size());
    return true;
  }
  uint32_t next() {
    if (rest_.empty()) unsupported("a pattern that ends too early");
    size_t at = 0;
    bool bad = false;
    const uint32_t c = next_code_point(rest_, &at, &bad);
    rest_.remove_prefix(at);
    return c;
  }

  Node choice(int depth) {
    if (depth > kMaxDepth) unsupported("nesting of more than " + std::to_string(kMaxDepth));
    const bool fold = fold_;
    Node n{Node::Kind::choice};
    do {
      Node sequence{Node::Kind::sequence};
      while (!rest_.empty() && rest_[0] != '|' && rest_[0] != ')') {
        if (take("(?i)")) {
          if (!n.parts.empty() || !sequence.parts.empty())
            unsupported("\"(?i)\" after a beginning");
          fold_ = true;
          continue;
        }
        sequence.parts.push_back(repeated(atom(depth)));
      }
      n.parts.push_back(std::move(sequence));
    } while (take("|"));
    fold_ = fold;
    return n;
  }

  Node atom(int depth) {
    if (take("(")) return group(depth);
    if (take("[")) return set_node(bracket());
    if (take("^")) return {.kind = Node::Kind::anchor, .mark = '^'};
    if (take("$")) return {.kind = Node::Kind::anchor, .mark = '$'};
    if (take(".")) {
      CharSet any;
      any.items = {{.first = '\n', .last = '\n'}};
      any.negated = true;
      return set_node(std::move(any));
    }
    if (rest_[0] == '*' || rest_[0] == '+' || rest_[0] == '?') unsupported("a repeat of nothing");
    if (take("\\")) return escape();
    return character(next());
  }

  Node group(int depth) {
    Node n{Node::Kind::group};
    const bool fold = fold_;
    if (take("?:")) {
    } else if (take("?i:")) {
      fold_ = true;
    } else if (take("?>")) {
      n.mark = '>';
    } else if (take("?=") || take("?!")) {
      n.kind = Node::Kind::look;
      n.mark = *(rest_.data() - 1);
    } else if (rest_.starts_with('?')) {
      unsupported("\"(" + printable(rest_.substr(0, 3)) + "\"");
    }
    n.parts.push_back(choice(depth + 1));
    if (!take(")")) unsupported("\"(\" without \")\"");
    fold_ = fold;
    return n;
  }

  // The quantifiers after an atom.
  Node repeated(Node inner) {
    for (;;) {
      Node n{Node::Kind::repeat};
      bool interval = false;
      if (take("*")) {
        n.min = 0, n.max = kNoLimit;
      } else if (take("+")) {
        n.min = 1, n.max = kNoLimit;
      } else if (take("?")) {
        n.min = 0, n.max = 1;
      } else if (rest_.starts_with('{')) {
        interval_of(&n);
        interval = true;
      } else {
        return inner;
      }
      if (take("?")) {
        n.lazy = true;
      } else if (rest_.starts_with('+')) {
        if (interval) unsupported("\"}+\"");
        take("+");
        n.possessive = true;
      }
      const bool anchor = inner.kind == Node::Kind::anchor || inner.kind == Node::Kind::look;
      if (anchor || (n.max > 1 && is_nullable(inner))) {
        unsupported("a repeat of what may be empty");
      }
      n.parts.push_back(std::move(inner));
      inner = std::move(n);
    }
  }

  void interval_of(Node* n) {
    const size_t close = rest_.find('}');
    if (close == rest_.npos) unsupported("\"{\"");
    const std::string_view inside = rest_.substr(1, close - 1);
    const size_t comma = std::min(inside.find(','), inside.size());
    const auto number = [&](std::string_view digits, uint32_t if_empty) {
      if (digits.empty()) return if_empty;
      uint32_t v = 0;
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), v);
      if (error != std::errc() || end != digits.data() + digits.size() || v > kMaxRepeat) {
        unsupported("\"{" + printable(inside, 20) + "}\"");
      }
      return v;
    };
    if (inside.empty() || inside == ",") unsupported("\"{" + std::string(inside) + "}\"");
    n->min = number(inside.substr(0, comma), 0);
    n->max = comma == inside.size() ? n->min : number(inside.substr(comma + 1), kNoLimit);
    if (n->min > n->max) unsupported("\"{" + std::string(inside) + "}\"");
    rest_.remove_prefix(close + 1);
  }

  Node character(uint32_t c) {
    const bool letter = c < 128 && (c | 32) >= 'a' && (c | 32) <= 'z';
    if (fold_ && c >= 128) unsupported("(?i) with letters that are not ASCII");
    if (!fold_ || !letter) return {.kind = Node::Kind::character, .x = c};
    CharSet set;
    set.items = {{.first = c, .last = c}};
    return set_node(std::move(set));
  }

  Node set_node(CharSet set) {
    set.fold_case = fold_;
    out_->sets_.push_back(std::move(set));
    return {.kind = Node::Kind::set, .x = static_cast<uint32_t>(out_->sets_.size() - 1)};
  }

  Node escape() {
    if (!rest_.empty() && std::string_view("AzbB").find(rest_[0]) != std::string_view::npos) {
      return {.kind = Node::Kind::anchor, .mark = static_cast<char>(next())};
    }
    Item item;
    if (!class_escape(&item)) return character(char_escape());
    CharSet set;
    set.items = {item};
    return set_node(std::move(set));
  }

  // \s, \p{L}, ...: false if what comes is one character.
  bool class_escape(Item* item) {
    if (rest_.empty()) unsupported("a pattern that ends too early");
    const char c = rest_[0];
    item->negated = c == 'S' || c == 'D' || c == 'W' || c == 'P';
    switch (c) {
      case 's':
      case 'S':
        item->kind = Item::Kind::space;
        break;
      case 'w':
      case 'W':
        item->kind = Item::Kind::word;
        break;
      case 'd':
      case 'D':
        item->kind = Item::Kind::categories;
        item->first = categories_of("nd");
        break;
      case 'p':
      case 'P':
        property(item);
        return true;
      default:
        return false;
    }
    rest_.remove_prefix(1);
    return true;
  }

  void property(Item* item) {
    const size_t close = rest_.find('}');
    if (close == rest_.npos || rest_.size() < 2 || rest_[1] != '{') {
      unsupported("\"\\" + printable(rest_.substr(0, 2)) + "\"");
    }
    std::string_view name = rest_.substr(2, close - 2);
    if (name.starts_with('^')) {
      item->negated = !item->negated;
      name.remove_prefix(1);
    }
    item->kind = Item::Kind::categories;
    item->first = categories_of(name);
    if (item->first == 0) {
      unsupported("\"\\p{" + printable(name, 30) + "}\" (only general categories are)");
    }
    rest_.remove_prefix(close + 1);
  }

  uint32_t char_escape() {
    const uint32_t c = next();
    switch (c) {
      case 'n':
        return '\n';
      case 't':
        return '\t';
      case 'r':
        return '\r';
      case 'f':
        return '\f';
      case 'v':
        return '\v';
      case 'a':
        return '\a';
      case 'e':
        return 0x1B;
      case 'u':
        return hex(4, 4);
      case 'x':
        if (!take("{")) return hex(2, 2);
        {
          const uint32_t v = hex(1, 8);
          if (!take("}")) unsupported("\"\\x{\"");
          return v;
        }
      default:
        break;
    }
    if (c < 128 && ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z'))) {
      unsupported(std::string("\"\\") + static_cast<char>(c) + "\"");
    }
    return c;
  }

  uint32_t hex(size_t least, size_t most) {
    uint32_t v = 0;
    size_t n = 0;
    for (; n < most && n < rest_.size(); ++n) {
      const char c = rest_[n];
      const int digit = c >= '0' && c <= '9'                 ? c - '0'
                        : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                             : -1;
      if (digit < 0) break;
      v = v << 4 | static_cast<uint32_t>(digit);
    }
    if (n < least || v > kLastCodePoint) unsupported("a character number like this");
    rest_.remove_prefix(n);
    return v;
  }

  // What stands in brackets, after the opening one.
  CharSet bracket() {
    CharSet set;
    set.negated = take("^");
    for (bool first = true; first || !take("]"); first = false) {
      if (rest_.empty()) unsupported("\"[\" without \"]\"");
      if (rest_[0] == '[' || rest_.starts_with("&&") || (first && rest_[0] == ']')) {
        unsupported("\"" + printable(rest_.substr(0, 2)) + "\" in brackets");
      }
      Item item;
      if (take("\\")) {
        if (class_escape(&item)) {
          if (rest_.starts_with('-') && !rest_.starts_with("-]")) unsupported("such a range");
          if (item.kind == Item::Kind::word) item.kind = Item::Kind::class_word;
          set.items.push_back(item);
          continue;
        }
        item.first = char_escape();
      } else {
        item.first = next();
      }
      item.last = item.first;
      if (rest_.starts_with('-') && !rest_.starts_with("-]")) {
        take("-");
        if (rest_.starts_with('[')) unsupported("such a range");
        Item other;
        if (take("\\")) {
          if (class_escape(&other)) unsupported("such a range");
          item.last = char_escape();
        } else {
          item.last = next();
        }
        if (item.last < item.first) unsupported("an empty range");
      }
      if (fold_ && item.last >= 128) unsupported("(?i) with letters that are not ASCII");
      set.items.push_back(item);
    }
    return set;
  }

  using Op = Regex::Op;
  uint32_t place() const { return static_cast<uint32_t>(out_->ops_.size()); }
  uint32_t add(Op op) {
    if (out_->ops_.size() >= kMaxOps) {
      unsupported("more than " + std::to_string(kMaxOps) + " steps");
    }
    out_->ops_.push_back(op);
    return place() - 1;
  }

  void emit(const Node& n) {
    switch (n.kind) {
      case Node::Kind::character:
        add({Op::Kind::character, n.x});
        break;
      case Node::Kind::set:
        add({Op::Kind::set, n.x});
        break;
      case Node::Kind::sequence:
        for (const Node& part : n.parts) emit(part);
        break;
      case Node::Kind::choice:
        emit_choice(n);
        break;
      case Node::Kind::repeat:
        emit_repeat(n);
        break;
      case Node::Kind::look:
        emit_apart(n.mark == '=' ? Op::Kind::ahead : Op::Kind::not_ahead, n.parts[0]);
        break;
      case Node::Kind::group:
        if (n.mark == '>') {
          emit_apart(Op::Kind::atomic, n.parts[0]);
        } else {
          emit(n.parts[0]);
        }
        break;
      case Node::Kind::anchor:
        add({n.mark == '^'   ? Op::Kind::line_start
             : n.mark == '$' ? Op::Kind::line_end
             : n.mark == 'A' ? Op::Kind::text_start
             : n.mark == 'z' ? Op::Kind::text_end
             : n.mark == 'b' ? Op::Kind::word_edge
                             : Op::Kind::no_word_edge});
        break;
    }
  }

  void emit_apart(Op::Kind kind, const Node& inner) {
    const uint32_t head = add({kind});
    emit(inner);
    add({Op::Kind::done});
    out_->ops_[head].x = place();
  }

  void emit_choice(const Node& n) {
    std::vector<uint32_t> ends;
    for (size_t i = 0; i < n.parts.size(); ++i) {
      const bool last = i + 1 == n.parts.size();
      const uint32_t head = last ? 0 : add({Op::Kind::split, place() + 1});
      emit(n.parts[i]);
      if (last) break;
      ends.push_back(add({Op::Kind::jump}));
      out_->ops_[head].y = place();
    }
    for (const uint32_t end : ends) out_->ops_[end].x = place();
  }

  void emit_repeat(const Node& n) {
    if (n.possessive) {
      Node greedy = n;
      greedy.possessive = false;
      return emit_apart(Op::Kind::atomic, greedy);
    }
    const auto split = [&] { return add({Op::Kind::split, place() + 1}); };
    const auto leave_at = [&](uint32_t head, uint32_t end) {
      Op& op = out_->ops_[head];
      op.y = end;
      if (n.lazy) std::swap(op.x, op.y);
    };
    for (uint32_t i = 0; i < n.min; ++i) emit(n.parts[0]);
    if (n.max == kNoLimit) {
      const uint32_t head = split();
      emit(n.parts[0]);
      add({Op::Kind::jump, head});
      return leave_at(head, place());
    }
    std::vector<uint32_t> heads;
    for (uint32_t i = n.min; i < n.max; ++i) {
      heads.push_back(split());
      emit(n.parts[0]);
    }
    for (const uint32_t head : heads) leave_at(head, place());
  }

  std::string_view rest_;
  const std::string& place_;
  Regex* out_;
  bool fold_ = false;
};

Regex::Regex(std::string_view pattern, const std::string& place) {
  RegexParser(pattern, place, this).parse();
}

}  // namespace costeff::text
