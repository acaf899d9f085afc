// Files that change under an open mapping, and files that only seem to.

#include "base/files/file_state.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/error_of.h"
#include "base/files/file_bytes.h"
#include "base/tensors/tensor.h"
#include "file_changes.h"

namespace costeff {
namespace {

constexpr char kExpected[] =
    ", expected a file that stays as it is; start again, and replace such a file by renaming a new "
    "one over it";

struct Change {
  const char* name;
  void (*make)(const std::string& path);
  std::string found;  // the part of the message that tells it; empty: no change
};

const Change kChanges[] = {
    {"nothing", [](const std::string&) {}, ""},
    {"read", [](const std::string& p) { read_whole_file(p); }, ""},
    {"overwritten", [](const std::string& p) { overwrite(p, "XXXX"); },
     "was written to after it was opened"},
    {"overwritten with the same", [](const std::string& p) { overwrite(p, "0123"); },
     "was written to after it was opened"},
    {"overwritten at its end", [](const std::string& p) { overwrite(p, "X", 9); },
     "was written to after it was opened"},
    {"written anew, as large", [](const std::string& p) { write_file(p, "XXXXXXXXXX"); },
     "was written to after it was opened"},
    {"written anew, smaller", [](const std::string& p) { write_file(p, "XXX"); },
     "has 3 bytes, and had 10 when it was opened"},
    {"cut", [](const std::string& p) { cut(p); }, "has 0 bytes, and had 10 when it was opened"},
    {"appended to", [](const std::string& p) { append_text(p, "XY"); },
     "has 12 bytes, and had 10 when it was opened"},
    {"touched", [](const std::string& p) { touch(p); }, "was written to after it was opened"},
    {"overwritten and its time set back",
     [](const std::string& p) { overwrite_and_set_time_back(p, "XXXX"); },
     "was changed after it was opened (its ctime, at least)"},
    {"mode", [](const std::string& p) { ::chmod(p.c_str(), 0600); },
     "was changed after it was opened (its ctime, at least)"},
    {"hard link", [](const std::string& p) { std::filesystem::create_hard_link(p, p + ".2"); }, ""},
    {"removed", [](const std::string& p) { std::filesystem::remove(p); }, ""},
    {"another renamed over it", [](const std::string& p) { rename_over(p, "another"); }, ""},
};

TEST(MappedFile, NoticesWhatMayHaveChangedItsBytes) {
  for (const Change& change : kChanges) {
    const TempDir dir;
    const std::string path = dir.file("weights");
    write_file(path, "0123456789");  // in the same tick of the clock as the change
    const auto file = MappedFile::open(path, ErrorKind::model);
    change.make(path);
    for (int turn = 0; turn < 2; ++turn) {
      EXPECT_EQ(error_of(ErrorKind::model, [&] { file->check_unchanged(); }),
                change.found.empty() ? "" : path + ": " + change.found + kExpected)
          << change.name;
    }
  }
}

// A link that comes or goes does not hide a later write.
TEST(MappedFile, NoticesAWriteAfterALink) {
  const TempDir dir;
  const std::string path = dir.file("weights"), other = dir.file("other");
  write_file(path, "0123456789");
  const auto file = MappedFile::open(path, ErrorKind::input);
  std::filesystem::create_hard_link(path, other);
  file->check_unchanged();
  std::filesystem::remove(path);
  file->check_unchanged();
  ::usleep(30000);  // a tick of the file system's clock
  overwrite_and_set_time_back(other, "XXXX");
  EXPECT_NE(error_of(ErrorKind::input, [&] { file->check_unchanged(); }), "");
}

TEST(MappedFile, EmptyFilesAreWatchedToo) {
  const TempDir dir;
  write_file(dir.file("a"), "");
  const auto file = MappedFile::open(dir.file("a"), ErrorKind::model);
  file->check_unchanged();
  write_file(dir.file("a"), "x");
  EXPECT_NE(error_of(ErrorKind::model, [&] { file->check_unchanged(); }), "");
}

// If the bytes changed meanwhile, neither results nor errors from them count.
TEST(ReadUnchanged, TheChangeIsTheError) {
  const TempDir dir;
  const std::string path = dir.file("weights");
  const auto outcome = [&](bool change, bool fail) {
    write_file(path, "0123456789");
    TensorSet set;
    set.files.push_back(MappedFile::open(path, ErrorKind::model));
    bool done = false;
    const std::string error = error_of(ErrorKind::model, [&] {
      read_unchanged(set, [&] {
        if (change) overwrite(path, "X");
        if (fail) throw_model("element [0] is NaN");
      });
      done = true;
    });
    EXPECT_EQ(done, error.empty());
    return error;
  };
  const std::string changed = path + ": was written to after it was opened" + kExpected;
  EXPECT_EQ(outcome(false, false), "");
  EXPECT_EQ(outcome(false, true), "element [0] is NaN");
  EXPECT_EQ(outcome(true, false), changed);
  EXPECT_EQ(outcome(true, true), changed);
}

}  // namespace
}  // namespace costeff
