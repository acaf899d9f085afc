#include <algorithm>
#include <optional>
#include <utility>

#include "base/fail.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "text/chars/char_class.h"
#include "text/regex/regex_tree.h"

namespace costeff::text {
namespace {

constexpr int kMaxDepth = 32;
constexpr uint32_t kMaxRepeat = 1000;
constexpr uint32_t kLastCodePoint = 0x10FFFF;

// True if the node can match the empty text.
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

// The bits of the categories that a name, "L" or "Lu" in any case, stands for; 0: no such name.
uint32_t categories_of(std::string_view name) {
  const std::string lower = lower_ascii(name);
  uint32_t mask = 0;
  for (int i = 0; i < kCategoryCount; ++i) {
    if (kCategoryNames[i] == lower || (lower.size() == 1 && kCategoryNames[i][0] == lower[0])) {
      mask |= 1u << i;
    }
  }
  return mask;
}

class RegexParser {
 public:
  RegexParser(std::string_view pattern, const std::string& place)
      : pattern_(pattern), rest_(pattern), place_(place) {}

  RegexTree parse() {
    RegexNode root = choice(0);
    if (!rest_.empty()) unsupported("\")\" without \"(\"");
    return {std::move(root), std::move(sets_)};
  }

 private:
  using Node = RegexNode;
  using Item = CharSet::Item;

  [[noreturn]] void unsupported(std::string_view what) const {
    refuse_pattern(pattern_, what, place_);
  }
  // Skips `prefix` if it comes next.
  bool accept(std::string_view prefix) {
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
    if (depth > kMaxDepth) unsupported(fmt::format("nesting of more than {}", kMaxDepth));
    const bool fold = fold_;
    Node n{Node::Kind::choice};
    do {
      Node sequence{Node::Kind::sequence};
      while (!rest_.empty() && rest_[0] != '|' && rest_[0] != ')') {
        if (accept("(?i)")) {
          if (!n.parts.empty() || !sequence.parts.empty())
            unsupported("\"(?i)\" after a beginning");
          fold_ = true;
          continue;
        }
        sequence.parts.push_back(repeated(atom(depth)));
      }
      n.parts.push_back(std::move(sequence));
    } while (accept("|"));
    fold_ = fold;
    return n;
  }

  Node atom(int depth) {
    if (accept("(")) return group(depth);
    if (accept("[")) return set_node(bracket());
    if (accept("^")) return {.kind = Node::Kind::anchor, .mark = '^'};
    if (accept("$")) return {.kind = Node::Kind::anchor, .mark = '$'};
    if (accept(".")) {
      CharSet any;
      any.items = {{.first = '\n', .last = '\n'}};
      any.negated = true;
      return set_node(std::move(any));
    }
    if (rest_[0] == '*' || rest_[0] == '+' || rest_[0] == '?') unsupported("a repeat of nothing");
    if (accept("\\")) return escape();
    return character(next());
  }

  Node group(int depth) {
    Node n{Node::Kind::group};
    const bool fold = fold_;
    if (accept("?:")) {
    } else if (accept("?i:")) {
      fold_ = true;
    } else if (accept("?>")) {
      n.mark = '>';
    } else if (accept("?=") || accept("?!")) {
      n.kind = Node::Kind::look;
      n.mark = *(rest_.data() - 1);
    } else if (rest_.starts_with('?')) {
      unsupported(fmt::format("\"({}\"", printable(rest_.substr(0, 3))));
    }
    n.parts.push_back(choice(depth + 1));
    if (!accept(")")) unsupported("\"(\" without \")\"");
    fold_ = fold;
    return n;
  }

  // The quantifiers after an atom.
  Node repeated(Node inner) {
    for (;;) {
      Node n{Node::Kind::repeat};
      bool interval = false;
      if (accept("*")) {
        n.min = 0, n.max = kNoRepeatLimit;
      } else if (accept("+")) {
        n.min = 1, n.max = kNoRepeatLimit;
      } else if (accept("?")) {
        n.min = 0, n.max = 1;
      } else if (rest_.starts_with('{')) {
        interval_of(&n);
        interval = true;
      } else {
        return inner;
      }
      if (accept("?")) {
        n.lazy = true;
      } else if (rest_.starts_with('+')) {
        if (interval) unsupported("\"}+\"");
        accept("+");
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
      const auto v = parse_int(digits, 0, kMaxRepeat);
      if (!v || digits[0] == '-') unsupported(fmt::format("\"{{{}}}\"", printable(inside, 20)));
      return static_cast<uint32_t>(*v);
    };
    if (inside.empty() || inside == ",") unsupported(fmt::format("\"{{{}}}\"", inside));
    n->min = number(inside.substr(0, comma), 0);
    n->max = comma == inside.size() ? n->min : number(inside.substr(comma + 1), kNoRepeatLimit);
    if (n->min > n->max) unsupported(fmt::format("\"{{{}}}\"", inside));
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
    sets_.push_back(std::move(set));
    return {.kind = Node::Kind::set, .x = static_cast<uint32_t>(sets_.size() - 1)};
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

  // Reads \s, \p{L}, ... Returns false if the escape stands for one character.
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
      unsupported(fmt::format("\"\\{}\"", printable(rest_.substr(0, 2))));
    }
    std::string_view name = rest_.substr(2, close - 2);
    if (name.starts_with('^')) {
      item->negated = !item->negated;
      name.remove_prefix(1);
    }
    item->kind = Item::Kind::categories;
    item->first = categories_of(name);
    if (item->first == 0) {
      unsupported(fmt::format("\"\\p{{{}}}\" (only general categories are)", printable(name, 30)));
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
        if (!accept("{")) return hex(2, 2);
        {
          const uint32_t v = hex(1, 8);
          if (!accept("}")) unsupported("\"\\x{\"");
          return v;
        }
      default:
        break;
    }
    if (c < 128 && ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z'))) {
      unsupported(fmt::format("\"\\{}\"", static_cast<char>(c)));
    }
    return c;
  }

  uint32_t hex(size_t min_digits, size_t max_digits) {
    uint32_t v = 0;
    size_t n = 0;
    for (; n < max_digits && n < rest_.size(); ++n) {
      const char c = rest_[n];
      const int digit = c >= '0' && c <= '9'                 ? c - '0'
                        : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                             : -1;
      if (digit < 0) break;
      v = v << 4 | static_cast<uint32_t>(digit);
    }
    if (n < min_digits || v > kLastCodePoint) unsupported("a character number like this");
    rest_.remove_prefix(n);
    return v;
  }

  // The set in brackets, after the opening one.
  CharSet bracket() {
    CharSet set;
    set.negated = accept("^");
    for (bool first = true; first || !accept("]"); first = false) {
      if (rest_.empty()) unsupported("\"[\" without \"]\"");
      if (rest_[0] == '[' || rest_.starts_with("&&") || (first && rest_[0] == ']')) {
        unsupported(fmt::format("\"{}\" in brackets", printable(rest_.substr(0, 2))));
      }
      Item item;
      if (accept("\\")) {
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
        accept("-");
        if (rest_.starts_with('[')) unsupported("such a range");
        Item other;
        if (accept("\\")) {
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

  const std::string_view pattern_;
  std::string_view rest_;
  const std::string& place_;
  std::vector<CharSet> sets_;
  bool fold_ = false;
};

}  // namespace

RegexTree parse_regex(std::string_view pattern, const std::string& place) {
  return RegexParser(pattern, place).parse();
}

void refuse_pattern(std::string_view pattern, std::string_view what, const std::string& place) {
  fail_model("{}: pattern \"{}\": {} is not supported", place, printable(pattern, 80), what);
}

}  // namespace costeff::text
