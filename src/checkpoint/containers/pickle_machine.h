#pragma once

// The opcodes of a pickle work on this: a stack of values with marks, containers, calls and a memo.
// All limits are checked here; pickle.cpp, which drives it, only reads bytes.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "checkpoint/containers/pickle.h"

namespace costeff::checkpoint {

class PickleMachine {
 public:
  PickleMachine(std::span<const std::byte> bytes, std::span<const std::string_view> globals,
                const std::string& place);

  // Where the current opcode is, for messages.
  void begin_opcode(uint64_t at) { opcode_at_ = at; }
  [[noreturn]] void bad(const std::string& what) const;

  // --- stack: values above the last mark may be popped, those below it may not ---

  void push(PickleValue v);
  PickleValue pop();
  void dup() { push(PickleValue(top())); }
  void push_mark();
  void pop_to_mark() { stack_.resize(pop_mark()); }
  void pop_value_or_mark();

  // --- containers ---

  void push_tuple(size_t count);  // of the topmost values
  void push_tuple_to_mark();
  void push_list() { push(new_list()); }
  void push_list_to_mark();
  void append();
  void append_to_mark();
  void push_dict() { push(new_dict()); }
  void push_dict_to_mark();
  void set_item();
  void set_items_to_mark();

  // --- names and calls ---

  void push_global(std::string_view module, std::string_view name);
  void push_stack_global();
  void reduce();
  void build();  // sets attributes (_metadata of a state dict), which are not kept
  void push_persistent();

  // --- memo: slots have any numbers that the file gives ---

  void put(uint32_t slot);
  void put_next() { put(static_cast<uint32_t>(memo_.size())); }
  void get(uint32_t slot);

  // Returns the value on top, with all that it refers to. The pickle has `size` bytes.
  Pickle finish(uint64_t size);

 private:
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  void check_stack() const;
  void need(size_t count) const;
  void need_below(size_t begin) const;
  const PickleValue& top() const;
  size_t pop_mark();
  void keep(size_t count);
  void tuple_from(size_t begin);
  PickleValue new_list();
  PickleValue new_dict();
  PickleValue container(PickleKind kind, size_t at) const;
  void extend(const PickleValue& list, size_t begin);
  void set_items(const PickleValue& dict, size_t begin);
  PickleValue ordered_dict(const PickleValue& arguments);

  const std::string& place_;
  uint64_t opcode_at_ = 0;
  std::vector<PickleValue> stack_;
  std::vector<size_t> marks_;  // sizes of the stack
  std::unordered_map<uint32_t, PickleValue> memo_;
  size_t kept_ = 0;
  Pickle out_;
};

}  // namespace costeff::checkpoint
