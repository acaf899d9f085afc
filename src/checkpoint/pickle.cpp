#include "checkpoint/pickle.h"

#include <costeff/error.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <unordered_map>

#include "base/file_bytes.h"
#include "base/utf8.h"

namespace costeff::checkpoint {
namespace {

// The data.pkl of a BERT has 200 tensors in 30 kB, 10 values and 5 memo slots each.
constexpr uint64_t kMaxBytes = 64u << 20;
constexpr size_t kMaxStack = 1u << 20;   // values and marks
constexpr size_t kMaxValues = 2u << 20;  // in containers, calls and the memo
constexpr size_t kMaxGlobalName = 1000;

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, std::span<const std::string_view> globals,
          const std::string& place)
      : place_(place),
        cut_(bytes.size() > kMaxBytes),
        reader_(bytes.first(std::min<uint64_t>(bytes.size(), kMaxBytes))) {
    out_.bytes = bytes;
    out_.globals = globals;
  }

  Pickle run() {
    while (true) {
      opcode_at_ = reader_.position();
      const auto op = read<uint8_t>();
      if (op == '.') break;
      step(op);
    }
    out_.top = pop();
    out_.bytes = out_.bytes.first(reader_.position());
    return std::move(out_);
  }

 private:
  [[noreturn]] void bad(const std::string& what) const {
    throw_model(place_ + "byte " + std::to_string(opcode_at_) + " of the pickle: " + what);
  }

  void step(uint8_t op) {
    switch (op) {
      case 0x80: {  // PROTO
        const auto version = read<uint8_t>();
        if (version > 5) bad("protocol " + std::to_string(version) + ", expected at most 5");
        return;
      }
      case 0x95:  // FRAME: says how many bytes to read ahead
        if (read<uint64_t>() > reader_.remaining()) end_of_file();
        return;
      case '(':  // MARK
        check_stack();
        marks_.push_back(stack_.size());
        return;
      case '0':  // POP
        if (stack_.size() == floor() && !marks_.empty()) {
          marks_.pop_back();
        } else {
          pop();
        }
        return;
      case '1':  // POP_MARK
        stack_.resize(pop_mark());
        return;
      case '2':  // DUP
        push(PickleValue(top()));
        return;
      case 'N':
        return push({PickleKind::none, 0, 0});
      case 0x88:  // NEWTRUE
        return push({PickleKind::boolean, 0, 1});
      case 0x89:  // NEWFALSE
        return push({PickleKind::boolean, 0, 0});
      case 'J':  // BININT
        return push({PickleKind::integer, 0, read<int32_t>()});
      case 'K':  // BININT1
        return push({PickleKind::integer, 0, read<uint8_t>()});
      case 'M':  // BININT2
        return push({PickleKind::integer, 0, read<uint16_t>()});
      case 0x8a:  // LONG1
        return push_long(read<uint8_t>());
      case 0x8b: {  // LONG4
        const auto size = read<int32_t>();
        if (size < 0) bad("an integer of " + std::to_string(size) + " bytes");
        return push_long(static_cast<uint32_t>(size));
      }
      case 'G':  // BINFLOAT
        read<uint64_t>();
        return push({PickleKind::real, 0, 0});
      case 0x8c:  // SHORT_BINUNICODE
      case 'U':   // SHORT_BINSTRING, a str of Python 2
        return push_bytes(PickleKind::string, read<uint8_t>());
      case 'X':  // BINUNICODE
        return push_bytes(PickleKind::string, read<uint32_t>());
      case 'T': {  // BINSTRING, a str of Python 2
        const auto size = read<int32_t>();
        if (size < 0) bad("a string of " + std::to_string(size) + " bytes");
        return push_bytes(PickleKind::string, static_cast<uint32_t>(size));
      }
      case 0x8d:  // BINUNICODE8
        return push_bytes(PickleKind::string, read<uint64_t>());
      case 'C':  // SHORT_BINBYTES
        return push_bytes(PickleKind::bytes, read<uint8_t>());
      case 'B':  // BINBYTES
        return push_bytes(PickleKind::bytes, read<uint32_t>());
      case 0x8e:  // BINBYTES8
        return push_bytes(PickleKind::bytes, read<uint64_t>());
      case ')':  // EMPTY_TUPLE
        return push_tuple(stack_.size());
      case 0x85:  // TUPLE1
      case 0x86:  // TUPLE2
      case 0x87:  // TUPLE3
        need(op - 0x84u);
        return push_tuple(stack_.size() - (op - 0x84u));
      case 't':  // TUPLE
        return push_tuple(pop_mark());
      case ']':  // EMPTY_LIST
        return push_list();
      case 'l': {  // LIST
        const size_t begin = pop_mark();
        const PickleValue list = new_list();
        extend(list, begin);
        return push(list);
      }
      case 'a':  // APPEND
        need(2);
        return extend(container(PickleKind::list, stack_.size() - 2), stack_.size() - 1);
      case 'e': {  // APPENDS
        const size_t begin = pop_mark();
        need_below(begin);
        return extend(container(PickleKind::list, begin - 1), begin);
      }
      case '}':  // EMPTY_DICT
        return push(new_dict());
      case 'd': {  // DICT
        const size_t begin = pop_mark();
        const PickleValue dict = new_dict();
        set_items(dict, begin);
        return push(dict);
      }
      case 's':  // SETITEM
        need(3);
        return set_items(container(PickleKind::dict, stack_.size() - 3), stack_.size() - 2);
      case 'u': {  // SETITEMS
        const size_t begin = pop_mark();
        need_below(begin);
        return set_items(container(PickleKind::dict, begin - 1), begin);
      }
      case 'c':    // GLOBAL
      case 'i': {  // INST: GLOBAL and a call at once; no state dict has it
        const std::string_view module = read_line();
        push_global(module, read_line());
        if (op == 'i') bad("opcode INST, which a state dict does not need");
        return;
      }
      case 0x93: {  // STACK_GLOBAL
        need(2);
        const PickleValue name = pop(), module = pop();
        if (module.kind != PickleKind::string || name.kind != PickleKind::string) {
          bad("STACK_GLOBAL of " + out_.describe(module) + " and " + out_.describe(name));
        }
        return push_global(out_.text(module), out_.text(name));
      }
      case 'R':  // REDUCE
        return reduce();
      case 'b': {  // BUILD: sets attributes (_metadata of a state dict), which are not kept
        need(2);
        pop();
        if (top().kind != PickleKind::dict) {
          bad("BUILD on " + out_.describe(top()) + ", expected an OrderedDict");
        }
        return;
      }
      case 'Q': {  // BINPERSID
        const PickleValue id = pop();
        keep(1);
        out_.persistents.push_back(id);
        return push({PickleKind::persistent, 0, static_cast<int64_t>(out_.persistents.size()) - 1});
      }
      case 'q':  // BINPUT
        return put(read<uint8_t>());
      case 'r':  // LONG_BINPUT
        return put(read<uint32_t>());
      case 0x94:  // MEMOIZE
        return put(static_cast<uint32_t>(memo_.size()));
      case 'h':  // BINGET
        return get(read<uint8_t>());
      case 'j':  // LONG_BINGET
        return get(read<uint32_t>());
      default: {
        char text[80];
        std::snprintf(text, sizeof text, "opcode 0x%02x, which a state dict does not need", op);
        bad(text);
      }
    }
  }

  // --- bytes ---

  [[noreturn]] void end_of_file() const {
    if (cut_) {
      throw_model(place_ + "the pickle is longer than " + std::to_string(kMaxBytes >> 20) + " MiB");
    }
    bad("the bytes end inside it (cut short?)");
  }
  template <typename T>
  T read() {
    T v{};
    if (!reader_.get(&v)) end_of_file();
    return v;
  }
  std::string_view read_line() {
    const uint64_t begin = reader_.position();
    const char* p = reinterpret_cast<const char*>(out_.bytes.data()) + begin;
    const uint64_t limit = std::min<uint64_t>(reader_.remaining(), kMaxGlobalName);
    const void* end = limit == 0 ? nullptr : std::memchr(p, '\n', limit);
    if (!end) bad("the name of a global has no end");
    const auto size = static_cast<size_t>(static_cast<const char*>(end) - p);
    reader_.skip(size + 1);
    return {p, size};
  }
  void push_bytes(PickleKind kind, uint64_t size) {
    const uint64_t begin = reader_.position();
    if (!reader_.skip(size)) end_of_file();
    push({kind, static_cast<uint32_t>(size), static_cast<int64_t>(begin)});
  }
  void push_long(uint32_t size) {
    if (size > 8) return push_bytes(PickleKind::long_integer, size);
    uint64_t v = 0;
    for (uint32_t i = 0; i < size; ++i) v |= static_cast<uint64_t>(read<uint8_t>()) << (8 * i);
    if (size > 0 && size < 8 && (v >> (8 * size - 1))) v |= ~uint64_t{0} << (8 * size);
    push({PickleKind::integer, 0, static_cast<int64_t>(v)});
  }

  // --- stack: values above the last mark may be taken, those below may not ---

  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  void check_stack() const {
    if (stack_.size() + marks_.size() >= kMaxStack) {
      bad("more than " + std::to_string(kMaxStack) + " values on the stack");
    }
  }
  void push(PickleValue v) {
    check_stack();
    stack_.push_back(v);
  }
  void need(size_t count) const {
    if (stack_.size() - floor() < count) {
      bad("it takes " + std::to_string(count) + " values, but the stack has " +
          std::to_string(stack_.size() - floor()));
    }
  }
  // For opcodes that took a mark away: there must be a container below the items.
  void need_below(size_t begin) const {
    if (begin <= floor()) bad("there is no container below the mark");
  }
  const PickleValue& top() const {
    need(1);
    return stack_.back();
  }
  PickleValue pop() {
    need(1);
    const PickleValue v = stack_.back();
    stack_.pop_back();
    return v;
  }
  // Where the items above the last mark begin.
  size_t pop_mark() {
    if (marks_.empty()) bad("there is no mark on the stack");
    const size_t begin = marks_.back();
    marks_.pop_back();
    return begin;
  }

  // --- containers ---

  void keep(size_t count) {
    kept_ += count;
    if (kept_ > kMaxValues) bad("more than " + std::to_string(kMaxValues) + " values in all");
  }
  // Items stack_[begin..] become a tuple.
  void push_tuple(size_t begin) {
    const size_t count = stack_.size() - begin;
    keep(count);
    const PickleValue tuple{PickleKind::tuple, static_cast<uint32_t>(count),
                            static_cast<int64_t>(out_.items.size())};
    out_.items.insert(out_.items.end(), stack_.begin() + static_cast<ptrdiff_t>(begin),
                      stack_.end());
    stack_.resize(begin);
    push(tuple);
  }
  PickleValue new_list() {
    keep(2);
    out_.lists.emplace_back();
    return {PickleKind::list, 0, static_cast<int64_t>(out_.lists.size()) - 1};
  }
  void push_list() { push(new_list()); }
  PickleValue new_dict() {
    keep(2);
    out_.dicts.emplace_back();
    return {PickleKind::dict, 0, static_cast<int64_t>(out_.dicts.size()) - 1};
  }
  PickleValue container(PickleKind kind, size_t at) const {
    if (stack_[at].kind != kind) {
      bad("it adds to " + out_.describe(stack_[at]) + ", expected " +
          (kind == PickleKind::list ? "a list" : "a dict"));
    }
    return stack_[at];
  }
  // Moves the items stack_[begin..] into the container.
  void extend(const PickleValue& list, size_t begin) {
    keep(stack_.size() - begin);
    std::vector<PickleValue>& to = out_.lists[static_cast<size_t>(list.at)];
    to.insert(to.end(), stack_.begin() + static_cast<ptrdiff_t>(begin), stack_.end());
    stack_.resize(begin);
  }
  void set_items(const PickleValue& dict, size_t begin) {
    const size_t count = stack_.size() - begin;
    if (count % 2 != 0) bad("a key without a value");
    keep(count);
    PickleItems& to = out_.dicts[static_cast<size_t>(dict.at)];
    for (size_t i = begin; i < stack_.size(); i += 2) to.emplace_back(stack_[i], stack_[i + 1]);
    stack_.resize(begin);
  }

  // --- names and calls ---

  void push_global(std::string_view module, std::string_view name) {
    for (size_t i = 0; i < out_.globals.size(); ++i) {
      const std::string_view g = out_.globals[i];
      if (g.size() == module.size() + 1 + name.size() && g.starts_with(module) &&
          g[module.size()] == '.' && g.ends_with(name)) {
        return push({PickleKind::global, 0, static_cast<int64_t>(i)});
      }
    }
    bad("it names " + printable(module, 100) + "." + printable(name, 100) +
        ", which a state dict does not need: refused, nothing was run");
  }

  void reduce() {
    need(2);
    const PickleValue arguments = pop(), callee = pop();
    if (callee.kind != PickleKind::global || arguments.kind != PickleKind::tuple) {
      bad("a call of " + out_.describe(callee) + " with " + out_.describe(arguments));
    }
    const auto global = static_cast<size_t>(callee.at);
    if (out_.globals[global] == kOrderedDict) return push(ordered_dict(arguments));
    keep(2);
    out_.calls.push_back({global, arguments});
    push({PickleKind::call, 0, static_cast<int64_t>(out_.calls.size()) - 1});
  }

  // OrderedDict(), or as Python 2 writes it, OrderedDict([[key, value], ...]).
  PickleValue ordered_dict(const PickleValue& arguments) {
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

  // --- memo: slots are whatever numbers the file says ---

  void put(uint32_t slot) {
    const PickleValue v = top();
    if (memo_.insert_or_assign(slot, v).second) keep(3);
  }
  void get(uint32_t slot) {
    const auto it = memo_.find(slot);
    if (it == memo_.end()) bad("memo slot " + std::to_string(slot) + " is empty");
    push(it->second);
  }

  const std::string& place_;
  bool cut_;  // the bytes go on behind kMaxBytes
  ByteReader reader_;
  uint64_t opcode_at_ = 0;
  std::vector<PickleValue> stack_;
  std::vector<size_t> marks_;  // sizes of the stack
  std::unordered_map<uint32_t, PickleValue> memo_;
  size_t kept_ = 0;
  Pickle out_;
};

}  // namespace

std::string Pickle::describe(const PickleValue& v) const {
  switch (v.kind) {
    case PickleKind::none:
      return "None";
    case PickleKind::boolean:
      return v.at ? "True" : "False";
    case PickleKind::integer:
      return "the number " + std::to_string(v.at);
    case PickleKind::long_integer:
      return "a number of " + std::to_string(v.count) + " bytes";
    case PickleKind::real:
      return "a float";
    case PickleKind::string:
      return "the string \"" + printable(text(v), 60) + "\"";
    case PickleKind::bytes:
      return "bytes";
    case PickleKind::tuple:
      return "a tuple";
    case PickleKind::list:
      return "a list";
    case PickleKind::dict:
      return "a dict";
    case PickleKind::global:
      return std::string(globals[static_cast<size_t>(v.at)]);
    case PickleKind::call:
      return "a " + std::string(globals[calls[static_cast<size_t>(v.at)].global]) + " object";
    case PickleKind::persistent:
      return "a storage";
  }
  return "";
}

Pickle read_pickle(std::span<const std::byte> bytes, std::span<const std::string_view> globals,
                   const std::string& place) {
  return Machine(bytes, globals, place).run();
}

}  // namespace costeff::checkpoint
