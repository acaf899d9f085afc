#include "tasks/write/row_output.h"

#include <costeff/error.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error_of.h"
#include "tasks/read_rows.h"

namespace costeff::tasks {
namespace {

const Fingerprint kMade{{"flag", "1"}, {"bytes", "\xff"}};

struct Resume : testing::Test {
  TemporaryDirectory dir;
  std::string path = dir.file("out.csv"), partial = path + ".partial", state = partial + ".json";

  // Leaves what a run leaves that ends here.
  void begin(const std::string& header, const Strings& rows) {
    ResumeFile file(path, kMade);
    file.write(header, 0);
    for (const std::string& row : rows) file.write(row, 1);
  }
};

TEST_F(Resume, GoesOnAfterTheLastRow) {
  begin("id\n", {"1\n", "2\n"});
  EXPECT_EQ(slurp(partial), "id\n1\n2\n");
  {
    ResumeFile file(path, kMade);
    EXPECT_EQ(file.rows(), 2);
    EXPECT_FALSE(file.is_new());
    file.write("3\n", 1);
    file.commit();
  }
  EXPECT_EQ(slurp(path), "id\n1\n2\n3\n");
  EXPECT_FALSE(std::filesystem::exists(partial));
  EXPECT_FALSE(std::filesystem::exists(state));
}

// What a killed process leaves: rows after the note, and a torn one. They are made again.
TEST_F(Resume, OnlyWhatWasNotedCounts) {
  for (const char* tail : {"2\n", "2\n\"3\nb\"\n\"4\nto", "\n", "x"}) {
    begin("id\n", {"1\n"});
    std::ofstream(partial, std::ios::app) << tail;
    {
      ResumeFile file(path, kMade);
      EXPECT_EQ(file.rows(), 1);
      EXPECT_EQ(slurp(partial), "id\n1\n");
      file.write("2\n", 1);
    }
    ResumeFile file(path, kMade);
    EXPECT_EQ(file.rows(), 2);
    file.commit();
    EXPECT_EQ(slurp(path), "id\n1\n2\n");
  }
}

TEST_F(Resume, RefusesAPartialThatIsNotAsItWasLeft) {
  struct Case {
    const char* name;
    const char* partial;  // what was "id\n1\n22\n"
    bool same;
  };
  for (const Case& c : {Case{"the same", "id\n1\n22\n", true},
                        {"a row more", "id\n1\n22\n3\n", true},
                        {"a digit", "id\n1\n23\n", false},
                        {"the header", "iD\n1\n22\n", false},
                        {"rows in another order", "id\n22\n1\n", false},
                        {"zeros, of a torn write", "id\n1\n\0\0\0", false},
                        {"a row less", "id\n1\n", false}}) {
    begin("id\n", {"1\n", "22\n"});
    const std::string zeros("id\n1\n\0\0\0", 8);
    dir.write("out.csv.partial", c.name[0] == 'z' ? zeros : c.partial);
    const std::string error =
        error_of(ErrorKind::usage, [&] { const ResumeFile file(path, kMade); });
    EXPECT_EQ(error.empty(), c.same) << c.name << ": " << error;
    if (c.name == std::string("a digit")) {
      EXPECT_EQ(error, partial +
                           ": its first 8 bytes are not those that were written; it was changed or "
                           "is damaged; remove " +
                           partial + " and " + state + " to start anew");
    }
    std::filesystem::remove(partial);
    std::filesystem::remove(state);
  }
}

// Whatever order they come in, the bytes of all runs together are what the checksum is of.
TEST_F(Resume, ChecksumGoesOnOverRuns) {
  std::string all = "id\n";
  begin(all, {});
  for (int run = 0; run < 5; ++run) {
    const std::string row = std::string(static_cast<size_t>(run) * 3 + 1, 'x') + "\n";
    ResumeFile file(path, kMade);
    file.write(row, 1);
    all += row;
  }
  const ResumeFile file(path, kMade);
  EXPECT_EQ(file.rows(), 5);
  EXPECT_EQ(slurp(partial), all);
}

TEST_F(Resume, KilledBeforeTheFirstNote) {
  { const ResumeFile file(path, kMade); }
  std::ofstream(partial, std::ios::app) << "id\n1\n";
  ResumeFile file(path, kMade);
  EXPECT_TRUE(file.is_new());
  EXPECT_EQ(file.rows(), 0);
  EXPECT_EQ(slurp(partial), "");
}

TEST_F(Resume, KeepsTheModeOfTheFileItReplaces) {
  dir.write("out.csv", "old");
  std::filesystem::permissions(path, std::filesystem::perms(0600));
  ResumeFile file(path, kMade);
  file.write("1\n", 1);
  EXPECT_EQ(slurp(path), "old");
  file.commit();
  EXPECT_EQ(slurp(path), "1\n");
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
}

TEST_F(Resume, RefusesWhatIsNotItsOwn) {
  const auto error = [&](const Fingerprint& made) {
    return error_of(ErrorKind::usage, [&] { const ResumeFile file(path, made); });
  };
  begin("id\n", {"1\n"});
  EXPECT_EQ(error(kMade), "");
  EXPECT_EQ(error({{"flag", "2"}, {"bytes", "\xff"}}),
            partial + ": was begun with flag 1, this run has 2; remove " + partial + " and " +
                state + " to start anew");
  EXPECT_NE(error({{"flag", "1"}}).find("another version"), std::string::npos);
  EXPECT_NE(error({{"flag", "1"}, {"bytes", "\xff"}, {"new", ""}}).find("begun with new"),
            std::string::npos);
  const std::string note = slurp(state);
  for (const char* bad :
       {"", "[]", "{\"format\":2}", "{\"format\":2,\"bytes\":-1,\"rows\":0}", "not json",
        "{\"format\":1,\"bytes\":5,\"rows\":1,\"boot\":\"\",\"made_with\":{}}"}) {
    dir.write("out.csv.partial.json", bad);
    EXPECT_NE(error(kMade).find("is not the note of an unfinished run"), std::string::npos) << bad;
  }
  dir.write("out.csv.partial.json", note);
  dir.write("out.csv.partial", "id\n");
  EXPECT_NE(error(kMade).find("has 3 bytes, its note says 5"), std::string::npos);
  std::filesystem::remove(state);
  EXPECT_NE(error(kMade).find("is there without"), std::string::npos);
}

}  // namespace
}  // namespace costeff::tasks
