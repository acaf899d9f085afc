#include "tasks/lines/line_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/error_of.h"
#include "tasks/read_rows.h"

namespace costeff::tasks {
namespace {

Strings lines_of(std::string_view bytes, size_t chunk) {
  LineReader reader({"x.txt", bytes}, nullptr, chunk);
  Strings out;
  std::string_view line;
  while (reader.next(&line, true) == LineStatus::line) {
    out.push_back(std::string(line) + (reader.had_cr() ? "<cr>" : ""));
    EXPECT_EQ(reader.line_number(), static_cast<int64_t>(out.size()));
  }
  EXPECT_EQ(reader.bytes_done(), static_cast<int64_t>(bytes.size()) -
                                     (out.empty() ? static_cast<int64_t>(bytes.size()) : 0));
  return out;
}

std::string read_error(const InputFile& file) {
  return error_of(ErrorKind::input, [&] {
    LineReader reader(file);
    std::string_view line;
    while (reader.next(&line, true) == LineStatus::line) {
    }
  });
}

struct Pipe {
  int read_end = -1, write_end = -1;
  Pipe() {
    int fds[2];
    EXPECT_EQ(::pipe(fds), 0);
    read_end = fds[0];
    write_end = fds[1];
  }
  ~Pipe() {
    ::close(read_end);
    close_write();
  }
  void close_write() {
    if (write_end >= 0) ::close(write_end);
    write_end = -1;
  }
  void write(std::string_view s) {
    ASSERT_EQ(::write(write_end, s.data(), s.size()), ssize_t(s.size()));
  }
  std::string path() const { return "/dev/fd/" + std::to_string(read_end); }
};

TEST(LineReader, SplitsWhateverTheChunk) {
  const std::string_view bytes = "a\n\nb c\r\n\rd\r\r\ne\vf\fg\xC2\x85h\xE2\x80\xA8i\nlast";
  const Strings expected = {"a",   "", "b c<cr>", "\rd\r<cr>", "e\vf\fg\xC2\x85h\xE2\x80\xA8i",
                            "last"};
  for (size_t chunk : {1, 2, 3, 7, 64, 4096}) EXPECT_EQ(lines_of(bytes, chunk), expected) << chunk;
}

TEST(LineReader, EndOfFile) {
  for (size_t chunk : {1, 100}) {
    EXPECT_EQ(lines_of("", chunk), Strings{});
    EXPECT_EQ(lines_of("\n", chunk), Strings{""});
    EXPECT_EQ(lines_of("\n\n", chunk), (Strings{"", ""}));
    EXPECT_EQ(lines_of("a\r", chunk), Strings{"a<cr>"});
    EXPECT_EQ(lines_of("\r", chunk), Strings{"<cr>"});
  }
}

TEST(LineReader, ByteOrderMark) {
  for (size_t chunk : {1, 2, 100}) {
    EXPECT_EQ(lines_of("\xEF\xBB\xBF"
                       "a\n\xEF\xBB\xBF"
                       "b",
                       chunk),
              (Strings{"a",
                       "\xEF\xBB\xBF"
                       "b"}));
    EXPECT_EQ(lines_of("\xEF\xBB\xBF\n", chunk), Strings{""});
    EXPECT_EQ(lines_of("\xEF\xBB", chunk), Strings{"\xEF\xBB"});
    EXPECT_EQ(lines_of("\xEF\xBB\xBF", chunk), Strings{});  // nothing but the mark: no line
  }
}

TEST(LineReader, NulIsAnOrdinaryByte) {
  const std::string bytes("a\0b\n\0\n", 6);
  EXPECT_EQ(lines_of(bytes, 2), (Strings{std::string("a\0b", 3), std::string(1, '\0')}));
}

TEST(LineReader, LongLineGrowsTheBuffer) {
  const std::string bytes = "x\n" + std::string(3'000'000, 'y') + "\nz\n";
  const Strings lines = lines_of(bytes, 1000);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1], std::string(3'000'000, 'y'));
  EXPECT_EQ(lines[2], "z");
}

TEST(LineReader, LineOverTheLimit) {
  TemporaryDirectory dir;
  const std::string path = dir.write("long.txt", "first\n");
  ASSERT_EQ(::truncate(path.c_str(), int64_t{2} << 30), 0);  // a hole: takes no disk
  EXPECT_EQ(read_error({path, {}}), path + ":2: line longer than 64 MiB");
}

TEST(LineReader, LineOfTheLimitIsTaken) {
  const std::string bytes = std::string(kMaxLineBytes, 'x') + "\nz";
  LineReader reader({"x.txt", bytes});
  std::string_view line;
  ASSERT_EQ(reader.next(&line, true), LineStatus::line);
  EXPECT_EQ(line.size(), kMaxLineBytes);
  ASSERT_EQ(reader.next(&line, true), LineStatus::line);
  EXPECT_EQ(line, "z");
  const std::string over = bytes.substr(0, kMaxLineBytes) + "x\n";
  EXPECT_EQ(read_error({"x.txt", over}), "x.txt:1: line longer than 64 MiB");
}

TEST(LineReader, FilesThatCannotBeRead) {
  TemporaryDirectory dir;
  const std::string missing = dir.file("no.txt"), directory = dir.path.string();
  EXPECT_EQ(read_error({missing, {}}), missing + ": No such file or directory");
  EXPECT_EQ(read_error({directory, {}}), directory + ": is a directory, expected a file");
  EXPECT_THROW(check_input({missing, {}}), Error);
  EXPECT_THROW(check_input({directory, {}}), Error);
  EXPECT_NO_THROW(check_input({"-", {}}));
  EXPECT_NO_THROW(check_input({missing, "bytes"}));
}

TEST(LineReader, RegularFile) {
  TemporaryDirectory dir;
  const InputFile file{dir.write("a.txt", "one\ntwo\n"), {}};
  EXPECT_EQ(input_bytes(file), 8);
  LineReader reader(file);
  std::string_view line;
  ASSERT_EQ(reader.next(&line, false), LineStatus::line);  // a file never blocks
  EXPECT_EQ(line, "one");
  EXPECT_EQ(reader.bytes_done(), 4);
  ASSERT_EQ(reader.next(&line, false), LineStatus::line);
  EXPECT_EQ(reader.next(&line, false), LineStatus::end);
  EXPECT_EQ(reader.bytes_done(), 8);
  EXPECT_FALSE(reader.stopped());
}

TEST(LineReader, PipeSaysThatItWouldBlock) {
  Pipe pipe;
  const InputFile file{pipe.path(), {}};
  EXPECT_EQ(input_bytes(file), -1);
  LineReader reader(file);
  std::string_view line;
  EXPECT_EQ(reader.next(&line, false), LineStatus::would_block);
  pipe.write("ab");
  EXPECT_EQ(reader.next(&line, false), LineStatus::would_block);  // no full line yet
  pipe.write("c\nd\ne");
  ASSERT_EQ(reader.next(&line, false), LineStatus::line);
  EXPECT_EQ(line, "abc");
  ASSERT_EQ(reader.next(&line, false), LineStatus::line);
  EXPECT_EQ(line, "d");
  EXPECT_EQ(reader.next(&line, false), LineStatus::would_block);
  pipe.close_write();
  ASSERT_EQ(reader.next(&line, false), LineStatus::line);
  EXPECT_EQ(line, "e");
  EXPECT_EQ(reader.next(&line, false), LineStatus::end);
}

TEST(LineReader, FifoWaitsForItsWriter) {
  TemporaryDirectory dir;
  const std::string path = dir.file("fifo");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  LineReader reader({path, {}});  // opens before a writer has come
  std::string_view line;
  EXPECT_EQ(reader.next(&line, false), LineStatus::would_block);
  std::thread writer([&] {
    const int fd = ::open(path.c_str(), O_WRONLY);
    EXPECT_EQ(::write(fd, "hello\nyou", 9), 9);
    ::close(fd);
  });
  ASSERT_EQ(reader.next(&line, true), LineStatus::line);
  EXPECT_EQ(line, "hello");
  ASSERT_EQ(reader.next(&line, true), LineStatus::line);
  EXPECT_EQ(line, "you");
  EXPECT_EQ(reader.next(&line, true), LineStatus::end);
  writer.join();
}

TEST(LineReader, StopEndsTheWaiting) {
  Pipe pipe;
  pipe.write("full\nhalf");
  std::atomic<bool> stop{false};
  LineReader reader({pipe.path(), {}}, &stop);
  std::string_view line;
  ASSERT_EQ(reader.next(&line, true), LineStatus::line);
  stop = true;
  EXPECT_EQ(reader.next(&line, true), LineStatus::end);  // half a line is no line
  EXPECT_TRUE(reader.stopped());
}

TEST(LineReader, StandardInput) {
  Pipe pipe;
  pipe.write("typed\n");
  pipe.close_write();
  const int saved = ::dup(STDIN_FILENO);
  ASSERT_EQ(::dup2(pipe.read_end, STDIN_FILENO), STDIN_FILENO);
  const ReadRows read = read_files({{"-", {}}});
  ::dup2(saved, STDIN_FILENO);
  ::close(saved);
  EXPECT_EQ(read.error, "");
  EXPECT_EQ(texts(read), Strings{"typed"});
}

}  // namespace
}  // namespace costeff::tasks
