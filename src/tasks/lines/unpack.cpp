#include "tasks/lines/unpack.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <cstdint>
#include <new>

#include "base/fail.h"
#include "base/utf8.h"

namespace costeff::tasks {
namespace {

// The zstd program's own limit. It reads larger windows only with --long=N.
constexpr int kMaxWindowLog = 27;

// What the two have in common: their position, and their errors.
class PackedStream : public Unpacker {
 public:
  PackedStream(Packing packing, std::string name) : packing_(packing), name_(std::move(name)) {}

  void finish() const override {
    if (between_) return;
    fail_input("{}: the {} data ends early, after {} bytes: the file is cut short", name_,
               packing_name(packing_), bytes_);
  }

 protected:
  [[noreturn]] void fail_damaged(const char* why) const {
    const std::string reason = why ? fmt::format(" ({})", printable(why, 80)) : "";
    fail_input("{}: the {} data is damaged near byte {}{}", name_, packing_name(packing_), bytes_,
               reason);
  }
  [[noreturn]] void fail_trailing() const {
    fail_input(
        "{}: byte {}: bytes after the end of the {} data that do not belong to it, expected the "
        "end "
        "of the file",
        name_, bytes_, packing_name(packing_));
  }
  void skip(std::string_view* packed, size_t bytes) {
    packed->remove_prefix(bytes);
    bytes_ += static_cast<int64_t>(bytes);
  }

  Packing packing_;
  std::string name_;
  int64_t bytes_ = 0;     // packed bytes read so far
  bool between_ = false;  // a member or frame is complete, and the next has not begun
};

class Gzip : public PackedStream {
 public:
  explicit Gzip(const std::string& name) : PackedStream(Packing::gzip, name) {
    constexpr int kGzipOnly = 16;
    if (::inflateInit2(&stream_, MAX_WBITS + kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  ~Gzip() override { ::inflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  size_t unpack(std::string_view* packed, char* out, size_t room) override {
    for (;;) {
      if (between_ && !begin_member(packed)) return 0;
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed->data()));
      stream_.avail_in = static_cast<uInt>(packed->size());
      stream_.next_out = reinterpret_cast<Bytef*>(out);
      stream_.avail_out = static_cast<uInt>(room);
      const int code = ::inflate(&stream_, Z_NO_FLUSH);
      const size_t taken = packed->size() - stream_.avail_in, made = room - stream_.avail_out;
      skip(packed, taken);
      if (code == Z_MEM_ERROR) throw std::bad_alloc();
      if (code == Z_STREAM_END) between_ = true;
      if (code != Z_STREAM_END && code != Z_OK && code != Z_BUF_ERROR) fail_damaged(stream_.msg);
      if (made > 0) return made;
      if (packed->empty()) return 0;
      if (taken == 0 && !between_) fail_damaged(nullptr);
    }
  }

 private:
  // Members may follow one another; NULs after a member pad a block of a tape. false: no member
  // begins here.
  bool begin_member(std::string_view* packed) {
    skip(packed, std::min(packed->find_first_not_of('\0'), packed->size()));
    if (packed->empty()) return false;
    if (packed->front() != '\x1F') fail_trailing();
    ::inflateReset(&stream_);
    between_ = false;
    return true;
  }

  z_stream stream_{};
};

class Zstd : public PackedStream {
 public:
  explicit Zstd(const std::string& name) : PackedStream(Packing::zstd, name) {
    if (!context_) throw std::bad_alloc();
    ::ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
  }

  size_t unpack(std::string_view* packed, char* out, size_t room) override {
    for (;;) {
      if (between_ && packed->empty()) return 0;
      ZSTD_inBuffer in{packed->data(), packed->size(), 0};
      ZSTD_outBuffer made{out, room, 0};
      const size_t rest = ::ZSTD_decompressStream(context_.get(), &made, &in);
      if (::ZSTD_isError(rest)) fail(rest);
      skip(packed, in.pos);
      between_ = rest == 0;
      if (made.pos > 0) return made.pos;
      if (packed->empty()) return 0;
      if (in.pos == 0 && !between_) fail_damaged(nullptr);
    }
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ::ZSTD_freeDCtx(context); }
  };

  [[noreturn]] void fail(size_t code) const {
    switch (::ZSTD_getErrorCode(code)) {
      case ZSTD_error_memory_allocation:
        throw std::bad_alloc();
      case ZSTD_error_prefix_unknown:
        if (between_) fail_trailing();
        break;
      case ZSTD_error_frameParameter_windowTooLarge:
        fail_input(
            "{}: the zstd data needs a window of more than {} MiB; unpack it first (zstd -d "
            "--long=31)",
            name_, 1 << (kMaxWindowLog - 20));
      default:
        break;
    }
    fail_damaged(::ZSTD_getErrorName(code));
  }

  std::unique_ptr<ZSTD_DCtx, Free> context_{::ZSTD_createDCtx()};
};

}  // namespace

std::unique_ptr<Unpacker> make_unpacker(Packing packing, const std::string& name) {
  if (packing == Packing::zstd) return std::make_unique<Zstd>(name);
  return std::make_unique<Gzip>(name);
}

}  // namespace costeff::tasks
