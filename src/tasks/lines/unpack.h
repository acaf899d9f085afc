#pragma once

// gzip and zstd, unpacked while they are read.

#include <memory>
#include <string>
#include <string_view>

#include "tasks/lines/content.h"

namespace costeff::tasks {

// Unpacks a stream of bytes that comes in pieces of any size. Several members (gzip) or frames
// (zstd) one after the other are one stream. Holds a window: 32 KiB, or for zstd at most 128 MiB.
// Errors name the input and the packed byte up to which it was right.
class Unpacker {
 public:
  virtual ~Unpacker() = default;

  // Writes up to `room` bytes (more than 0) to `out`, returns their number, and removes what it has
  // read from the front of *packed. 0: all of *packed was read and gave nothing more. Throws
  // Error(input) for damaged data and for bytes after the stream that do not belong to it.
  virtual size_t unpack(std::string_view* packed, char* out, size_t room) = 0;

  // To be called at the end of the input. Throws Error(input) if the stream has not ended.
  virtual void finish() const = 0;
};

// name: of the input, for messages. packing is not none.
std::unique_ptr<Unpacker> make_unpacker(Packing packing, const std::string& name);

}  // namespace costeff::tasks
