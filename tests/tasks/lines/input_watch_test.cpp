// Inputs that change while they are read.

#include "tasks/lines/input_watch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_changes.h"
#include "tasks/read_rows.h"

namespace costeff::tasks {
namespace {

constexpr char kCure[] =
    ", so that rows may be wrong; start again when nobody writes to it, or read a copy";

// Ten lines of 800 bytes. Two are taken before the change; a little more than 4096 bytes, which are
// looked at before anything is read, are in memory then: five whole lines.
std::string ten_lines() {
  std::string text;
  for (int i = 0; i < 10; ++i) text += "line  " + std::to_string(i) + std::string(792, ' ') + "\n";
  return text;
}

struct Change {
  const char* name;
  void (*make)(const std::string& path);
  std::string error;  // after the file's name; empty: none
  size_t rows;        // in all
};

const Change kChanges[] = {
    {"nothing", [](const std::string&) {}, "", 10},
    {"appended to", [](const std::string& p) { append_text(p, "more\n"); }, "", 11},
    {"touched", [](const std::string& p) { touch(p); }, "", 10},
    {"mode", [](const std::string& p) { ::chmod(p.c_str(), 0600); }, "", 10},
    {"removed", [](const std::string& p) { std::filesystem::remove(p); }, "", 10},
    {"another renamed over it", [](const std::string& p) { rename_over(p, "another\n"); }, "", 10},
    {"overwritten with the same", [](const std::string& p) { overwrite(p, "line  0"); }, "", 10},
    {"not read yet: what counts is what is there",
     [](const std::string& p) { overwrite(p, "XX", 7400); }, "", 10},
    {"cut within what was not read", [](const std::string& p) { cut(p, 7200); },
     ": became shorter while it was read: 7200 bytes, expected 8000 as when it was opened", 9},
    {"cut within a line", [](const std::string& p) { cut(p, 6800); },
     ": became shorter while it was read: 6800 bytes, expected 8000 as when it was opened", 8},
    {"cut within what was read", [](const std::string& p) { cut(p, 3); },
     ": became shorter while it was read: 3 bytes, expected 8000 as when it was opened", 5},
    {"overwritten where it was read", [](const std::string& p) { overwrite(p, "X"); },
     ": was overwritten while it was read", 10},
    {"overwritten and its time set back",
     [](const std::string& p) { overwrite_and_set_time_back(p, "X"); },
     ": was overwritten while it was read", 10},
    {"cut and filled again",
     [](const std::string& p) {
       cut(p, 0);
       write_file(p, std::string(20000, '\n'));
     },
     ": was overwritten while it was read", 15901},
};

TEST(InputWatch, OfAFileThatChangesWhileItIsRead) {
  for (const Change& change : kChanges) {
    for (const bool standard_input : {false, true}) {
      const TemporaryDirectory dir;
      const std::string path = dir.write("in.txt", ten_lines());
      const int saved = ::dup(STDIN_FILENO), in = ::open(path.c_str(), O_RDONLY);
      if (standard_input) ::dup2(in, STDIN_FILENO);
      ::close(in);
      std::string error;
      size_t rows = 0;
      {
        RowReader reader({{standard_input ? "-" : path, {}}}, {}, nullptr, 9);
        Example row;
        try {
          while (reader.next(row, true) == ReadStatus::row) {
            if (++rows == 2) change.make(path);
          }
        } catch (const Error& e) {
          EXPECT_EQ(e.kind(), ErrorKind::input);
          error = e.what();
        }
      }
      ::dup2(saved, STDIN_FILENO);
      ::close(saved);
      const std::string name = standard_input ? "stdin" : path;
      EXPECT_EQ(error, change.error.empty() ? "" : name + change.error + kCure) << change.name;
      EXPECT_EQ(rows, change.rows) << change.name;
    }
  }
}

TEST(InputWatch, AsksAtOnceWhereAReaderStopsEarly) {
  const TemporaryDirectory dir;
  const std::string path = dir.write("in.txt", ten_lines());
  RowReader reader({{path, {}}}, {}, nullptr, 9);
  Example row;
  reader.check_unchanged();  // no file is open yet
  ASSERT_EQ(reader.next(row, true), ReadStatus::row);
  reader.check_unchanged();
  overwrite(path, "X");
  EXPECT_THROW(reader.check_unchanged(), Error);
}

// Standard input that somebody has read in part before.
TEST(InputWatch, BeginsWhereTheFileStands) {
  const TemporaryDirectory dir;
  const std::string path = dir.write("in.txt", ten_lines());
  const int fd = ::open(path.c_str(), O_RDONLY);
  char bytes[8];
  ASSERT_EQ(::read(fd, bytes, 8), 8);
  InputWatch watch;
  watch.begin(fd);
  ASSERT_EQ(::read(fd, bytes, 8), 8);
  watch.saw({bytes, 8});
  overwrite(path, "XXXX");
  watch.check("in.txt");  // not what was read here
  overwrite(path, "XXXX", 8);
  EXPECT_THROW(watch.check("in.txt"), Error);
  ::close(fd);
}

}  // namespace
}  // namespace costeff::tasks
