#pragma once

// Bytes packed as gzip(1) and zstd(1) do, for tests.

#include <zlib.h>
#include <zstd.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace costeff {

inline std::string gzip(std::string_view bytes) {
  z_stream z{};
  constexpr int kGzip = 16;
  if (::deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + kGzip, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("deflateInit2");
  }
  std::string out(::deflateBound(&z, bytes.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const int code = ::deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  ::deflateEnd(&z);
  if (code != Z_STREAM_END) throw std::runtime_error("deflate");
  return out;
}

// window_log 0: the library's choice.
inline std::string zstd(std::string_view bytes, int window_log = 0) {
  ZSTD_CCtx* context = ::ZSTD_createCCtx();
  ::ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  if (window_log > 0) {
    ::ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    ::ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  }
  std::string out(::ZSTD_compressBound(bytes.size()) + 64, '\0');
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  // In two steps: the size of the whole is not known at first, so that the window is as asked.
  size_t rest = ::ZSTD_compressStream2(context, &to, &in, ZSTD_e_continue);
  if (!::ZSTD_isError(rest)) rest = ::ZSTD_compressStream2(context, &to, &in, ZSTD_e_end);
  ::ZSTD_freeCCtx(context);
  if (rest != 0) throw std::runtime_error("zstd");
  out.resize(to.pos);
  return out;
}

}  // namespace costeff
