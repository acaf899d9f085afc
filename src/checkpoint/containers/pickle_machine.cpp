#include "checkpoint/containers/pickle_machine.h"

#include <utility>

#include "base/fail.h"
#include "base/utf8.h"

namespace costeff::checkpoint {
namespace {

// The data.pkl of a BERT has 200 tensors in 30 kB, with 10 values and 5 memo slots each.
constexpr size_t kMaxStack = 1u << 20;   // values and marks
constexpr size_t kMaxValues = 2u << 20;  // in containers, calls and the memo

}  // namespace

PickleMachine::PickleMachine(std::span<const std::byte> bytes,
                             std::span<const std::string_view> globals, const std::string& place)
    : place_(place) {
  out_.bytes = bytes;
  out_.globals = globals;
}

void PickleMachine::bad(const std::string& what) const {
  fail_model("{}byte {} of the pickle: {}", place_, opcode_at_, what);
}

Pickle PickleMachine::finish(uint64_t size) {
  out_.top = pop();
  out_.bytes = out_.bytes.first(size);
  return std::move(out_);
}

// --- stack ---

void PickleMachine::check_stack() const {
  if (stack_.size() + marks_.size() >= kMaxStack) {
    bad(fmt::format("more than {} values on the stack", kMaxStack));
  }
}

void PickleMachine::push(PickleValue v) {
  check_stack();
  stack_.push_back(v);
}

void PickleMachine::need(size_t count) const {
  if (stack_.size() - floor() < count) {
    bad(fmt::format("it takes {} values, but the stack has {}", count, stack_.size() - floor()));
  }
}

// For opcodes that popped a mark: there must be a container below the items.
void PickleMachine::need_below(size_t begin) const {
  if (begin <= floor()) bad("there is no container below the mark");
}

const PickleValue& PickleMachine::top() const {
  need(1);
  return stack_.back();
}

PickleValue PickleMachine::pop() {
  need(1);
  const PickleValue v = stack_.back();
  stack_.pop_back();
  return v;
}

void PickleMachine::push_mark() {
  check_stack();
  marks_.push_back(stack_.size());
}

// Returns where the items above the last mark begin.
size_t PickleMachine::pop_mark() {
  if (marks_.empty()) bad("there is no mark on the stack");
  const size_t begin = marks_.back();
  marks_.pop_back();
  return begin;
}

void PickleMachine::pop_value_or_mark() {
  if (stack_.size() == floor() && !marks_.empty()) {
    marks_.pop_back();
  } else {
    pop();
  }
}

// --- containers ---

void PickleMachine::keep(size_t count) {
  kept_ += count;
  if (kept_ > kMaxValues) bad(fmt::format("more than {} values in all", kMaxValues));
}

// The items stack_[begin..] become a tuple.
void PickleMachine::tuple_from(size_t begin) {
  const size_t count = stack_.size() - begin;
  keep(count);
  const PickleValue tuple{PickleKind::tuple, static_cast<uint32_t>(count),
                          static_cast<int64_t>(out_.items.size())};
  out_.items.insert(out_.items.end(), stack_.begin() + static_cast<ptrdiff_t>(begin), stack_.end());
  stack_.resize(begin);
  push(tuple);
}

void PickleMachine::push_tuple(size_t count) {
  need(count);
  tuple_from(stack_.size() - count);
}

void PickleMachine::push_tuple_to_mark() { tuple_from(pop_mark()); }

PickleValue PickleMachine::new_list() {
  keep(2);
  out_.lists.emplace_back();
  return {PickleKind::list, 0, static_cast<int64_t>(out_.lists.size()) - 1};
}

PickleValue PickleMachine::new_dict() {
  keep(2);
  out_.dicts.emplace_back();
  return {PickleKind::dict, 0, static_cast<int64_t>(out_.dicts.size()) - 1};
}

PickleValue PickleMachine::container(PickleKind kind, size_t at) const {
  if (stack_[at].kind != kind) {
    bad(fmt::format("it adds to {}, expected {}", out_.describe(stack_[at]),
                    kind == PickleKind::list ? "a list" : "a dict"));
  }
  return stack_[at];
}

// Moves the items stack_[begin..] into the container.
void PickleMachine::extend(const PickleValue& list, size_t begin) {
  keep(stack_.size() - begin);
  std::vector<PickleValue>& to = out_.lists[static_cast<size_t>(list.at)];
  to.insert(to.end(), stack_.begin() + static_cast<ptrdiff_t>(begin), stack_.end());
  stack_.resize(begin);
}

void PickleMachine::set_items(const PickleValue& dict, size_t begin) {
  const size_t count = stack_.size() - begin;
  if (count % 2 != 0) bad("a key without a value");
  keep(count);
  PickleItems& to = out_.dicts[static_cast<size_t>(dict.at)];
  for (size_t i = begin; i < stack_.size(); i += 2) to.emplace_back(stack_[i], stack_[i + 1]);
  stack_.resize(begin);
}

void PickleMachine::push_list_to_mark() {
  const size_t begin = pop_mark();
  const PickleValue list = new_list();
  extend(list, begin);
  push(list);
}

void PickleMachine::append() {
  need(2);
  extend(container(PickleKind::list, stack_.size() - 2), stack_.size() - 1);
}

void PickleMachine::append_to_mark() {
  const size_t begin = pop_mark();
  need_below(begin);
  extend(container(PickleKind::list, begin - 1), begin);
}

void PickleMachine::push_dict_to_mark() {
  const size_t begin = pop_mark();
  const PickleValue dict = new_dict();
  set_items(dict, begin);
  push(dict);
}

void PickleMachine::set_item() {
  need(3);
  set_items(container(PickleKind::dict, stack_.size() - 3), stack_.size() - 2);
}

void PickleMachine::set_items_to_mark() {
  const size_t begin = pop_mark();
  need_below(begin);
  set_items(container(PickleKind::dict, begin - 1), begin);
}

// --- names and calls ---

void PickleMachine::push_global(std::string_view module, std::string_view name) {
  for (size_t i = 0; i < out_.globals.size(); ++i) {
    const std::string_view g = out_.globals[i];
    if (g.size() == module.size() + 1 + name.size() && g.starts_with(module) &&
        g[module.size()] == '.' && g.ends_with(name)) {
      return push({PickleKind::global, 0, static_cast<int64_t>(i)});
    }
  }
  bad(
      fmt::format("it names {}.{}, which a state dict does not need: refused, nothing was run; "
                  "save the state dict alone (model.state_dict())",
                  printable(module, 100), printable(name, 100)));
}

void PickleMachine::push_stack_global() {
  need(2);
  const PickleValue name = pop(), module = pop();
  if (module.kind != PickleKind::string || name.kind != PickleKind::string) {
    bad(fmt::format("STACK_GLOBAL of {} and {}", out_.describe(module), out_.describe(name)));
  }
  push_global(out_.text(module), out_.text(name));
}

void PickleMachine::reduce() {
  need(2);
  const PickleValue arguments = pop(), callee = pop();
  if (callee.kind != PickleKind::global || arguments.kind != PickleKind::tuple) {
    bad(fmt::format("a call of {} with {}", out_.describe(callee), out_.describe(arguments)));
  }
  const auto global = static_cast<size_t>(callee.at);
  if (out_.globals[global] == kOrderedDict) return push(ordered_dict(arguments));
  keep(2);
  out_.calls.push_back({global, arguments});
  push({PickleKind::call, 0, static_cast<int64_t>(out_.calls.size()) - 1});
}

// OrderedDict() or, as Python 2 writes it, OrderedDict([[key, value], ...]).
PickleValue PickleMachine::ordered_dict(const PickleValue& arguments) {
  const PickleValue dict = new_dict();
  if (arguments.count == 0) return dict;
  const PickleValue list = out_.tuple(arguments)[0];
  if (arguments.count != 1 || list.kind != PickleKind::list) {
    bad("a call of OrderedDict with unexpected arguments");
  }
  for (const PickleValue& pair : out_.lists[static_cast<size_t>(list.at)]) {
    std::span<const PickleValue> two;
    if (pair.kind == PickleKind::list) {
      two = out_.lists[static_cast<size_t>(pair.at)];
    } else if (pair.kind == PickleKind::tuple) {
      two = out_.tuple(pair);
    }
    if (two.size() != 2) bad("a call of OrderedDict with items that are not pairs");
    keep(2);
    out_.dicts.back().emplace_back(two[0], two[1]);
  }
  return dict;
}

void PickleMachine::build() {
  need(2);
  pop();
  if (top().kind != PickleKind::dict) {
    bad(fmt::format("BUILD on {}, expected an OrderedDict", out_.describe(top())));
  }
}

void PickleMachine::push_persistent() {
  const PickleValue id = pop();
  keep(1);
  out_.persistents.push_back(id);
  push({PickleKind::persistent, 0, static_cast<int64_t>(out_.persistents.size()) - 1});
}

// --- memo ---

void PickleMachine::put(uint32_t slot) {
  const PickleValue v = top();
  if (memo_.insert_or_assign(slot, v).second) keep(3);
}

void PickleMachine::get(uint32_t slot) {
  const auto it = memo_.find(slot);
  if (it == memo_.end()) bad(fmt::format("memo slot {} is empty", slot));
  push(it->second);
}

}  // namespace costeff::checkpoint
