#include "checkpoint/containers/pickle.h"

#include <algorithm>
#include <cstring>

#include "base/fail.h"
#include "base/files/file_bytes.h"
#include "base/format.h"
#include "base/utf8.h"
#include "checkpoint/containers/pickle_machine.h"

namespace costeff::checkpoint {
namespace {

constexpr uint64_t kMaxPickleBytes = 64u << 20;
constexpr size_t kMaxGlobalName = 1000;

// Reads opcodes and their arguments.
class OpcodeReader {
 public:
  OpcodeReader(std::span<const std::byte> bytes, std::span<const std::string_view> globals,
               const std::string& place)
      : place_(place),
        bytes_(bytes),
        reader_(bytes.first(std::min<uint64_t>(bytes.size(), kMaxPickleBytes))),
        machine_(bytes, globals, place) {}

  Pickle run() {
    while (true) {
      machine_.begin_opcode(reader_.position());
      const auto op = read<uint8_t>();
      if (op == '.') return machine_.finish(reader_.position());
      step(op);
    }
  }

 private:
  [[noreturn]] void bad(const std::string& what) const { machine_.bad(what); }
  void push(PickleValue v) { machine_.push(v); }

  void step(uint8_t op) {
    switch (op) {
      case 0x80: {  // PROTO
        const auto version = read<uint8_t>();
        if (version > 5) bad(fmt::format("protocol {}, expected at most 5", version));
        return;
      }
      case 0x95:  // FRAME: the number of bytes to read ahead
        if (read<uint64_t>() > reader_.remaining()) end_of_file();
        return;
      case '(':  // MARK
        return machine_.push_mark();
      case '0':  // POP
        return machine_.pop_value_or_mark();
      case '1':  // POP_MARK
        return machine_.pop_to_mark();
      case '2':  // DUP
        return machine_.dup();
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
        if (size < 0) bad(fmt::format("an integer of {} bytes", size));
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
        if (size < 0) bad(fmt::format("a string of {} bytes", size));
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
      case ')':   // EMPTY_TUPLE
      case 0x85:  // TUPLE1
      case 0x86:  // TUPLE2
      case 0x87:  // TUPLE3
        return machine_.push_tuple(op == ')' ? 0 : op - 0x84u);
      case 't':  // TUPLE
        return machine_.push_tuple_to_mark();
      case ']':  // EMPTY_LIST
        return machine_.push_list();
      case 'l':  // LIST
        return machine_.push_list_to_mark();
      case 'a':  // APPEND
        return machine_.append();
      case 'e':  // APPENDS
        return machine_.append_to_mark();
      case '}':  // EMPTY_DICT
        return machine_.push_dict();
      case 'd':  // DICT
        return machine_.push_dict_to_mark();
      case 's':  // SETITEM
        return machine_.set_item();
      case 'u':  // SETITEMS
        return machine_.set_items_to_mark();
      case 'c':    // GLOBAL
      case 'i': {  // INST: GLOBAL and a call in one; no state dict has it
        const std::string_view module = read_line();
        machine_.push_global(module, read_line());
        if (op == 'i') bad("opcode INST, which a state dict does not need");
        return;
      }
      case 0x93:  // STACK_GLOBAL
        return machine_.push_stack_global();
      case 'R':  // REDUCE
        return machine_.reduce();
      case 'b':  // BUILD
        return machine_.build();
      case 'Q':  // BINPERSID
        return machine_.push_persistent();
      case 'q':  // BINPUT
        return machine_.put(read<uint8_t>());
      case 'r':  // LONG_BINPUT
        return machine_.put(read<uint32_t>());
      case 0x94:  // MEMOIZE
        return machine_.put_next();
      case 'h':  // BINGET
        return machine_.get(read<uint8_t>());
      case 'j':  // LONG_BINGET
        return machine_.get(read<uint32_t>());
      default:
        bad(fmt::format("opcode 0x{:02x}, which a state dict does not need", op));
    }
  }

  // --- arguments ---

  [[noreturn]] void end_of_file() const {
    if (bytes_.size() > kMaxPickleBytes) {
      fail_model("{}the pickle is longer than {} MiB", place_, kMaxPickleBytes >> 20);
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
    const char* p = reinterpret_cast<const char*>(bytes_.data()) + begin;
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

  const std::string& place_;
  std::span<const std::byte> bytes_;  // may go on after kMaxPickleBytes
  ByteReader reader_;
  PickleMachine machine_;
};

}  // namespace

std::string Pickle::describe(const PickleValue& v) const {
  switch (v.kind) {
    case PickleKind::none:
      return "None";
    case PickleKind::boolean:
      return v.at ? "True" : "False";
    case PickleKind::integer:
      return fmt::format("the number {}", v.at);
    case PickleKind::long_integer:
      return fmt::format("a number of {} bytes", v.count);
    case PickleKind::real:
      return "a float";
    case PickleKind::string:
      return fmt::format("the string \"{}\"", printable(text(v), 60));
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
      return fmt::format("a {} object", globals[calls[static_cast<size_t>(v.at)].global]);
    case PickleKind::persistent:
      return "a storage";
  }
  return "";
}

Pickle read_pickle(std::span<const std::byte> bytes, std::span<const std::string_view> globals,
                   const std::string& place) {
  return OpcodeReader(bytes, globals, place).run();
}

}  // namespace costeff::checkpoint
