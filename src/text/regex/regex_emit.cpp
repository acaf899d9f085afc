#include <fmt/core.h>

#include <utility>

#include "text/regex/regex.h"
#include "text/regex/regex_tree.h"

namespace costeff::text {
namespace {

constexpr size_t kMaxOps = 4000;

}  // namespace

// Appends the steps of a tree to a Regex.
class RegexEmitter {
 public:
  RegexEmitter(const std::string& place, Regex* out) : place_(place), out_(out) {}

  void emit_all(const RegexNode& root) {
    emit(root);
    add({Op::Kind::done});
  }

 private:
  using Kind = RegexNode::Kind;
  using Op = Regex::Op;

  uint32_t end() const { return static_cast<uint32_t>(out_->ops_.size()); }
  uint32_t add(Op op) {
    if (out_->ops_.size() >= kMaxOps) {
      refuse_pattern(out_->pattern_, fmt::format("more than {} steps", kMaxOps), place_);
    }
    out_->ops_.push_back(op);
    return end() - 1;
  }

  void emit(const RegexNode& n) {
    switch (n.kind) {
      case Kind::character:
        add({Op::Kind::character, n.x});
        break;
      case Kind::set:
        add({Op::Kind::set, n.x});
        break;
      case Kind::sequence:
        for (const RegexNode& part : n.parts) emit(part);
        break;
      case Kind::choice:
        emit_choice(n);
        break;
      case Kind::repeat:
        emit_repeat(n);
        break;
      case Kind::look:
        emit_apart(n.mark == '=' ? Op::Kind::ahead : Op::Kind::not_ahead, n.parts[0]);
        break;
      case Kind::group:
        if (n.mark == '>') {
          emit_apart(Op::Kind::atomic, n.parts[0]);
        } else {
          emit(n.parts[0]);
        }
        break;
      case Kind::anchor:
        add({n.mark == '^'   ? Op::Kind::line_start
             : n.mark == '$' ? Op::Kind::line_end
             : n.mark == 'A' ? Op::Kind::text_start
             : n.mark == 'z' ? Op::Kind::text_end
             : n.mark == 'b' ? Op::Kind::word_edge
                             : Op::Kind::no_word_edge});
        break;
    }
  }

  void emit_apart(Op::Kind kind, const RegexNode& inner) {
    const uint32_t head = add({kind});
    emit(inner);
    add({Op::Kind::done});
    out_->ops_[head].x = end();
  }

  void emit_choice(const RegexNode& n) {
    std::vector<uint32_t> ends;
    for (size_t i = 0; i < n.parts.size(); ++i) {
      const bool last = i + 1 == n.parts.size();
      const uint32_t head = last ? 0 : add({Op::Kind::split, end() + 1});
      emit(n.parts[i]);
      if (last) break;
      ends.push_back(add({Op::Kind::jump}));
      out_->ops_[head].y = end();
    }
    for (const uint32_t jump : ends) out_->ops_[jump].x = end();
  }

  void emit_repeat(const RegexNode& n) {
    if (n.possessive) {
      RegexNode greedy = n;
      greedy.possessive = false;
      return emit_apart(Op::Kind::atomic, greedy);
    }
    const auto split = [&] { return add({Op::Kind::split, end() + 1}); };
    const auto leave_at = [&](uint32_t head, uint32_t exit) {
      Op& op = out_->ops_[head];
      op.y = exit;
      if (n.lazy) std::swap(op.x, op.y);
    };
    for (uint32_t i = 0; i < n.min; ++i) emit(n.parts[0]);
    if (n.max == kNoRepeatLimit) {
      const uint32_t head = split();
      emit(n.parts[0]);
      add({Op::Kind::jump, head});
      return leave_at(head, end());
    }
    std::vector<uint32_t> heads;
    for (uint32_t i = n.min; i < n.max; ++i) {
      heads.push_back(split());
      emit(n.parts[0]);
    }
    for (const uint32_t head : heads) leave_at(head, end());
  }

  const std::string& place_;
  Regex* out_;
};

Regex::Regex(std::string_view pattern, const std::string& place) : pattern_(pattern) {
  RegexTree tree = parse_regex(pattern, place);
  sets_ = std::move(tree.sets);
  for (CharSet& set : sets_) set.complete();
  RegexEmitter(place, this).emit_all(tree.root);
}

}  // namespace costeff::text
