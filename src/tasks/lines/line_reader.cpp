#include "tasks/lines/line_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/fail.h"

namespace costeff::tasks {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// A regular file is judged by this many of its bytes, so that the result does not depend on the
// size of the chunks.
constexpr size_t kSample = 4096;

// If the first line has this many bytes and no \n, the lines of the file may end with \r.
constexpr size_t kFirstLine = 64u << 10;

[[noreturn]] void throw_errno(const std::string& name, int error) {
  fail_input("{}: {}", name, std::strerror(error));
}

}  // namespace

std::string input_name(const InputFile& file) {
  return !file.bytes && file.path == "-" ? "stdin" : file.path;
}

void check_input(const InputFile& file) {
  if (file.bytes || is_stdin(file)) return;
  struct stat st {};
  if (::stat(file.path.c_str(), &st) != 0) throw_errno(file.path, errno);
  if (S_ISDIR(st.st_mode)) fail_input("{}: is a directory, expected a file", file.path);
}

int64_t input_bytes(const InputFile& file) {
  if (file.bytes) return static_cast<int64_t>(file.bytes->size());
  struct stat st {};
  const bool standard = is_stdin(file);
  const int failed = standard ? ::fstat(STDIN_FILENO, &st) : ::stat(file.path.c_str(), &st);
  if (failed != 0 || !S_ISREG(st.st_mode)) return -1;
  // Another process may have read a part of standard input before us.
  const off_t at = standard ? ::lseek(STDIN_FILENO, 0, SEEK_CUR) : 0;
  return std::max<int64_t>(0, st.st_size - std::max<off_t>(0, at));
}

LineReader::LineReader(const InputFile& file, const std::atomic<bool>* stop, size_t chunk_bytes)
    : name_(input_name(file)), memory_(file.bytes), stop_(stop), chunk_(chunk_bytes) {
  capacity_ = 2 * chunk_;
  buffer_ = std::make_unique_for_overwrite<char[]>(capacity_);
  if (memory_) {
    regular_ = true;
  } else {
    open(file);
  }
}

LineReader::~LineReader() {
  if (owns_fd_) ::close(fd_);
}

void LineReader::open(const InputFile& file) {
  if (is_stdin(file)) {
    fd_ = STDIN_FILENO;
  } else {
    // O_NONBLOCK: a FIFO opens before its writer does; wait_input() does the waiting.
    do {
      fd_ = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    } while (fd_ < 0 && errno == EINTR);
    if (fd_ < 0) throw_errno(name_, errno);
    owns_fd_ = true;
  }
  struct stat st {};
  int error = ::fstat(fd_, &st) != 0 ? errno : 0;
  if (error == 0 && S_ISDIR(st.st_mode)) error = EISDIR;
  if (error != 0) {
    if (owns_fd_) ::close(fd_);
    owns_fd_ = false;
    if (error == EISDIR) fail_input("{}: is a directory, expected a file", name_);
    throw_errno(name_, error);
  }
  regular_ = S_ISREG(st.st_mode);
  watch_.begin(fd_);
}

LineStatus LineReader::look(bool may_block) {
  while (!looked_) {
    const bool short_sample = regular_ && !eof_ && end_ - begin_ < kSample;
    const Content content = short_sample
                                ? Content{.unsure = true}
                                : look_at({buffer_.get() + begin_, end_ - begin_}, eof_, name_);
    if (content.unsure) {
      const LineStatus status = fill(may_block);
      if (status != LineStatus::line) return status;
    } else if (content.packing != Packing::none) {
      begin_unpacking(content.packing);
    } else {
      looked_ = true;
    }
  }
  return LineStatus::line;
}

// The bytes in the buffer turned out to be packed: moves them to the packed buffer.
void LineReader::begin_unpacking(Packing packing) {
  if (unpacker_) {
    fail_input("{}: holds {} data that was packed twice, expected once; unpack it first", name_,
               packing_name(packing));
  }
  const size_t size = end_ - begin_;
  packed_buffer_ = std::make_unique_for_overwrite<char[]>(std::max(size, chunk_));
  std::memcpy(packed_buffer_.get(), buffer_.get() + begin_, size);
  packed_ = {packed_buffer_.get(), size};
  packed_read_ = static_cast<int64_t>(size);
  packed_eof_ = eof_;
  eof_ = false;
  begin_ = scanned_ = end_ = 0;
  unpacker_ = make_unpacker(packing, name_);
}

// Decides once, by a first line without \n, how lines end. true: with \r.
bool LineReader::ends_lines_with_cr() {
  const std::string_view first(buffer_.get() + begin_, std::min(end_ - begin_, kFirstLine));
  if (newline_known_ || line_number_ > 0 || (!eof_ && first.size() < kFirstLine)) return false;
  newline_known_ = true;
  // A \r at the very end may belong to \r\n, or stand for a last \n.
  if (first.find('\r') >= first.size() - 1) return false;
  newline_ = '\r';
  scanned_ = begin_;
  return true;
}

LineStatus LineReader::next(std::string_view* line, bool may_block) {
  if (const LineStatus status = look(may_block); status != LineStatus::line) return status;
  for (;;) {
    const void* found = std::memchr(buffer_.get() + scanned_, newline_, end_ - scanned_);
    if (found) {
      const auto at = static_cast<size_t>(static_cast<const char*>(found) - buffer_.get());
      if (at - begin_ >= kFirstLine && ends_lines_with_cr()) continue;
      *line = cut_line(at, at + 1);
      return LineStatus::line;
    }
    scanned_ = end_;
    if (ends_lines_with_cr()) continue;
    if (end_ - begin_ > kMaxLineBytes) cut_line(end_, end_);  // throws
    if (eof_) {
      const std::string_view rest(buffer_.get() + begin_, end_ - begin_);
      if (rest.empty() || (line_number_ == 0 && rest == kByteOrderMark)) return LineStatus::end;
      *line = cut_line(end_, end_);
      return LineStatus::line;
    }
    const LineStatus status = fill(may_block);
    if (status != LineStatus::line) return status;
  }
}

LineStatus LineReader::next_bytes(std::string_view* bytes, bool may_block) {
  if (const LineStatus status = look(may_block); status != LineStatus::line) return status;
  while (begin_ == end_) {
    if (eof_) return LineStatus::end;
    const LineStatus status = fill(may_block);
    if (status != LineStatus::line) return status;
  }
  *bytes = {buffer_.get() + begin_, end_ - begin_};
  count_done(bytes->size());
  begin_ = scanned_ = end_;
  return LineStatus::line;
}

LineStatus LineReader::peek(std::string_view* head, size_t least, bool may_block) {
  if (const LineStatus status = look(may_block); status != LineStatus::line) return status;
  while (end_ - begin_ < least && !eof_) {
    const LineStatus status = fill(may_block);
    if (status != LineStatus::line) return status;
  }
  *head = {buffer_.get() + begin_, end_ - begin_};
  return LineStatus::line;
}

// Packed input counts by its packed bytes, as in input_bytes().
void LineReader::count_done(size_t bytes) {
  if (unpacker_) {
    bytes_done_.store(packed_read_ - static_cast<int64_t>(packed_.size()),
                      std::memory_order_relaxed);
  } else {
    bytes_done_.fetch_add(static_cast<int64_t>(bytes), std::memory_order_relaxed);
  }
}

std::string_view LineReader::cut_line(size_t line_end, size_t next_begin) {
  ++line_number_;
  std::string_view line(buffer_.get() + begin_, line_end - begin_);
  if (line.size() > kMaxLineBytes) {
    fail_input("{}:{}: line longer than {} MiB", name_, line_number_, kMaxLineBytes >> 20);
  }
  if (line_number_ == 1 && line.starts_with(kByteOrderMark)) {
    line.remove_prefix(kByteOrderMark.size());
  }
  had_cr_ = line.ends_with('\r');
  if (had_cr_) line.remove_suffix(1);
  count_done(next_begin - begin_);
  begin_ = scanned_ = next_begin;
  return line;
}

void LineReader::make_room() {
  if (begin_ == end_) begin_ = scanned_ = end_ = 0;
  if (end_ < capacity_) return;
  // Moving pays only if it frees a good part of the buffer. The largest buffer holds the longest
  // line and 2 chunks.
  const size_t largest = kMaxLineBytes + 2 * chunk_;
  if (begin_ < capacity_ / 2 && capacity_ < largest) {
    const size_t larger = std::min(2 * capacity_, largest);
    auto buffer = std::make_unique_for_overwrite<char[]>(larger);
    std::memcpy(buffer.get(), buffer_.get() + begin_, end_ - begin_);
    buffer_ = std::move(buffer);
    capacity_ = larger;
  } else {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
  }
  end_ -= begin_;
  scanned_ -= begin_;
  begin_ = 0;
}

LineStatus LineReader::fill(bool may_block) {
  make_room();
  const size_t room = std::min(chunk_, capacity_ - end_);
  if (unpacker_) return fill_unpacked(buffer_.get() + end_, room, may_block);
  size_t bytes = 0;
  const LineStatus status = read_some(buffer_.get() + end_, room, &bytes, may_block);
  if (status != LineStatus::line) return status;
  end_ += bytes;
  eof_ = bytes == 0;
  return LineStatus::line;
}

LineStatus LineReader::fill_unpacked(char* to, size_t room, bool may_block) {
  for (;;) {
    const size_t bytes = unpacker_->unpack(&packed_, to, room);
    end_ += bytes;
    if (bytes > 0) return LineStatus::line;
    if (packed_eof_) {
      unpacker_->finish();
      eof_ = true;
      return LineStatus::line;
    }
    size_t read = 0;
    const LineStatus status = read_some(packed_buffer_.get(), chunk_, &read, may_block);
    if (status != LineStatus::line) return status;
    packed_ = {packed_buffer_.get(), read};
    packed_read_ += static_cast<int64_t>(read);
    packed_eof_ = read == 0;
  }
}

LineStatus LineReader::read_some(char* to, size_t room, size_t* bytes, bool may_block) {
  if (memory_) {
    *bytes = memory_->copy(to, room);
    memory_->remove_prefix(*bytes);
    return LineStatus::line;
  }
  for (;;) {
    const LineStatus status = wait_input(may_block);
    if (status != LineStatus::line) return status;
    const ssize_t n = ::read(fd_, to, room);
    if (n >= 0) {
      *bytes = static_cast<size_t>(n);
      watch_.saw({to, *bytes});
      if (n == 0) check_unchanged();
      return LineStatus::line;
    }
    if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) throw_errno(name_, errno);
  }
}

LineStatus LineReader::wait_input(bool may_block) {
  for (;;) {
    if (stop_ && *stop_) {
      stopped_ = true;
      return LineStatus::end;
    }
    if (regular_) return LineStatus::line;
    struct pollfd p {
      fd_, POLLIN, 0
    };
    const int n = ::poll(&p, 1, may_block ? kPollMs : 0);
    if (n > 0) return LineStatus::line;  // bytes, the end or an error: read() tells which
    if (n < 0 && errno != EINTR) throw_errno(name_, errno);
    if (n == 0 && !may_block) return LineStatus::would_block;
  }
}

}  // namespace costeff::tasks
