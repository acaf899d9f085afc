#pragma once

// gzip and zstd, unpacked as they are read.

#include <memory>
#include <string>
#include <string_view>

#include "tasks/lines/content.h"

namespace costeff::tasks {

// A stream of packed bytes, in pieces of any size, into the bytes they stand for. Several members
// (gzip) or frames (zstd) one after the other are one stream. Holds a window: 32 KiB, or for zstd at
// most 128 MiB. Errors name the input and the byte, of the packed ones, up to which it was right.
class Unpacker {
 public:
  virtual ~Unpacker() = default;

  // Writes up to `room` bytes (more than 0) to `out` and takes what it has read off the front of
  // *packed. 0: all of *packed is read and gave nothing more. Throws Error(input) for damaged data
  // and for bytes after the stream that are none.
  virtual size_t unpack(std::string_view* packed, char* out, size_t room) = 0;

  // The input is at its end. Throws Error(input) where the stream is not.
  virtual void finish() const = 0;
};

// name: how messages call the input. packing is not none.
std::unique_ptr<Unpacker> make_unpacker(Packing packing, const std::string& name);

}  // namespace costeff::tasks
