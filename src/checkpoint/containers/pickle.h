#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace costeff::checkpoint {

// A pickle, read as data. Nothing is imported or called: a global is a name that must be on the
// caller's list, and a call is a record (name, arguments) that the caller interprets.
//
// Values are 16 bytes and refer to the pools of their Pickle by number. So a value may contain itself,
// or be nested as deeply as the file is long, and copying or freeing it never recurses.
enum class PickleKind : uint8_t {
  none,
  boolean,       // at: 0 or 1
  integer,       // at: the value
  long_integer,  // more than 64 bits; at, count: its little-endian bytes in the file
  real,          // its value is not kept
  string,        // at, count: bytes in the file
  bytes,         // likewise
  tuple,         // at, count: in `items`
  list,          // at: in `lists`
  dict,          // at: in `dicts`; an OrderedDict too
  global,        // at: in `globals`
  call,          // at: in `calls`
  persistent,    // at: in `persistents`
};

struct PickleValue {
  PickleKind kind = PickleKind::none;
  uint32_t count = 0;
  int64_t at = 0;
};

struct PickleCall {
  size_t global = 0;      // into `globals`
  PickleValue arguments;  // a tuple
};

using PickleItems = std::vector<std::pair<PickleValue, PickleValue>>;

struct Pickle {
  std::span<const std::byte> bytes;  // the pickle alone, from its first opcode to STOP
  std::span<const std::string_view> globals;
  std::vector<PickleValue> items;
  std::vector<std::vector<PickleValue>> lists;
  std::vector<PickleItems> dicts;  // in order of insertion; a key may come twice
  std::vector<PickleCall> calls;
  std::vector<PickleValue> persistents;  // persistent ids
  PickleValue top;

  // The bytes of a string, bytes or long_integer.
  std::string_view text(const PickleValue& v) const {
    return {reinterpret_cast<const char*>(bytes.data()) + v.at, v.count};
  }
  std::span<const PickleValue> tuple(const PickleValue& v) const {
    return std::span(items).subspan(static_cast<size_t>(v.at), v.count);
  }
  // For messages: "a list", "None", "the string \"x\"", "torch.FloatStorage".
  std::string describe(const PickleValue& v) const;
};

inline constexpr std::string_view kOrderedDict = "collections.OrderedDict";

// Reads the pickle with which `bytes` begins: protocols 0 to 5, binary opcodes. `globals` are the names
// that it may use ("module.name"); they must outlive the result. collections.OrderedDict, if listed,
// makes a dict. Throws an Error(model) that begins with `place` for anything else, and for more than
// 64 MiB, a million values on the stack or two million values in all. Source: the documentation of
// opcodes in CPython's Lib/pickletools.py.
Pickle read_pickle(std::span<const std::byte> bytes, std::span<const std::string_view> globals,
                   const std::string& place);

}  // namespace costeff::checkpoint
