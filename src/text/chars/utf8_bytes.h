#pragma once

namespace costeff::text {

// True if the byte continues a code point of UTF-8.
inline bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

}  // namespace costeff::text
