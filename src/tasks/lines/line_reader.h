#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tasks/lines/content.h"
#include "tasks/lines/input_watch.h"
#include "tasks/lines/unpack.h"

namespace costeff::tasks {

// A signal may interrupt another thread than the one that waits for input or output, so the waiting
// thread looks at *stop this often.
inline constexpr int kPollMs = 200;

// The longest line, and the longest record of CSV.
inline constexpr size_t kMaxLineBytes = 64u << 20;

struct InputFile {
  std::string path;  // "-": standard input
  // Read instead of the file; `path` is then only a name. Must outlive the reader.
  std::optional<std::string_view> bytes;
};

// The file's name in messages: its path, or "stdin".
std::string input_name(const InputFile& file);
inline bool is_stdin(const InputFile& file) {
  return !file.bytes && (file.path == "-" || file.path == "/dev/stdin");
}

// Throws Error(input) if the file is missing or a directory. Opens nothing: a FIFO is left alone.
void check_input(const InputFile& file);

// The number of bytes to read; -1: unknown (a pipe, a terminal, a device).
int64_t input_bytes(const InputFile& file);

enum class LineStatus { line, would_block, end };

// The lines of one file, pipe or terminal.
// - A line ends at \n only; one \r before it is removed, and so is a byte order mark at the start
//   of the file. A last line without \n counts. If a file has no \n in its first 64 KiB, its lines
//   end at \r.
// - Holds at most about kMaxLineBytes + 2 chunks of bytes, whatever the input.
// - What is appended to a regular file while it is read counts. At its end, the file must still
//   hold what was read (InputWatch).
// - Packed input (gzip, zstd: content.h) is unpacked while it is read, whatever its name is.
class LineReader {
 public:
  // Throws Error(input). Waiting for input ends once *stop is true. All functions that give bytes
  // throw Error(input) for what content.h refuses and for packed data that is damaged.
  explicit LineReader(const InputFile& file, const std::atomic<bool>* stop = nullptr,
                      size_t chunk_bytes = 256u << 10);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // *line is valid until the next call. may_block false: would_block if no full line can be read
  // without waiting (never for a regular file). Throws Error(input): cannot read, a line longer
  // than kMaxLineBytes, or a file that was changed where it had been read.
  LineStatus next(std::string_view* line, bool may_block);

  // Gives whatever bytes come next, for formats that have no lines. Not to be mixed with next(). A
  // byte order mark is not removed.
  LineStatus next_bytes(std::string_view* bytes, bool may_block);

  // Shows what the next calls will give, as far as it has been read: at least `least` bytes, or all
  // that there is (the status is `line` then too; complete() tells). Valid until the next call.
  LineStatus peek(std::string_view* head, size_t least, bool may_block);
  bool complete() const { return eof_; }
  // For a caller that stops before the end. Throws Error(input) if the file was changed where it
  // had been read.
  void check_unchanged() const { watch_.check(name_); }

  const std::string& name() const { return name_; }
  int64_t line_number() const { return line_number_; }  // of the latest line, from 1
  bool had_cr() const { return had_cr_; }               // a \r was removed from it
  bool stopped() const { return stopped_; }             // the end came from *stop

  // The bytes of the lines given so far; for packed input, the packed bytes they came from. May be
  // called from another thread.
  int64_t bytes_done() const { return bytes_done_.load(std::memory_order_relaxed); }

 private:
  void open(const InputFile& file);
  LineStatus look(bool may_block);  // `line`: looked_ is set
  void begin_unpacking(Packing packing);
  bool ends_lines_with_cr();
  LineStatus fill(bool may_block);  // `line`: more bytes, or eof_ is set
  LineStatus fill_unpacked(char* to, size_t room, bool may_block);
  LineStatus read_some(char* to, size_t room, size_t* bytes, bool may_block);  // 0 bytes: the end
  LineStatus wait_input(bool may_block);  // `line`: read() will not wait
  void make_room();
  std::string_view cut_line(size_t line_end, size_t next_begin);
  void count_done(size_t bytes);

  std::string name_;
  int fd_ = -1;
  bool owns_fd_ = false, regular_ = false, eof_ = false, had_cr_ = false, stopped_ = false;
  std::optional<std::string_view> memory_;  // what is left of it
  InputWatch watch_;
  const std::atomic<bool>* stop_ = nullptr;
  size_t chunk_ = 0;

  // buffer_[begin_, end_) was read and not given yet; there is no \n before scanned_.
  std::unique_ptr<char[]> buffer_;
  size_t capacity_ = 0, begin_ = 0, scanned_ = 0, end_ = 0;
  bool looked_ = false;  // it is known what the first bytes are
  char newline_ = '\n';
  bool newline_known_ = false;

  // Packed input: what was read and is not unpacked yet.
  std::unique_ptr<Unpacker> unpacker_;
  std::unique_ptr<char[]> packed_buffer_;
  std::string_view packed_;
  bool packed_eof_ = false;
  int64_t packed_read_ = 0;

  int64_t line_number_ = 0;
  std::atomic<int64_t> bytes_done_{0};
};

}  // namespace costeff::tasks
