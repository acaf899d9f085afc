#include "tasks/row_output.h"

#include <costeff/error.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error_of.h"
#include "read_rows.h"

namespace costeff::tasks {
namespace {

const Fingerprint kMade{{"flag", "1"}, {"bytes", "\xff"}};

struct Resume : testing::Test {
  TemporaryDirectory dir;
  std::string path = dir.file("out.csv"), partial = path + ".partial", state = partial + ".json";

  // Leaves what a run leaves that ends here.
  void begin(const std::string& header, const Strings& rows) {
    ResumeFile file(path, kMade, true);
    file.write(header, 0);
    for (const std::string& row : rows) file.write(row, 1);
  }
};

TEST_F(Resume, GoesOnAfterTheLastRow) {
  begin("id\n", {"1\n", "2\n"});
  EXPECT_EQ(slurp(partial), "id\n1\n2\n");
  {
    ResumeFile file(path, kMade, true);
    EXPECT_EQ(file.rows(), 2);
    EXPECT_FALSE(file.is_new());
    file.write("3\n", 1);
    file.commit();
  }
  EXPECT_EQ(slurp(path), "id\n1\n2\n3\n");
  EXPECT_FALSE(std::filesystem::exists(partial));
  EXPECT_FALSE(std::filesystem::exists(state));
}

// What a killed process leaves: rows behind the note, and a torn one.
TEST_F(Resume, RowsBehindTheNoteCountTornOnesDoNot) {
  begin("id\n", {"1\n"});
  std::ofstream(partial, std::ios::app) << "2\n\"3\nb\"\n\"4\nto";
  ResumeFile file(path, kMade, true);
  EXPECT_EQ(file.rows(), 3);  // a newline in quotes ends no row
  EXPECT_EQ(slurp(partial), "id\n1\n2\n\"3\nb\"\n");
}

TEST_F(Resume, AfterANewStartOfTheMachineOnlyTheNoteCounts) {
  begin("id\n", {"1\n"});
  std::ofstream(partial, std::ios::app) << "2\n";
  std::string note = slurp(state);
  const size_t at = note.find("\"boot\": \"");
  ASSERT_NE(at, std::string::npos);
  note.replace(at + 9, note.find('"', at + 9) - at - 9, "another");
  dir.write("out.csv.partial.json", note);
  ResumeFile file(path, kMade, true);
  EXPECT_EQ(file.rows(), 1);
  EXPECT_EQ(slurp(partial), "id\n1\n");
}

TEST_F(Resume, KilledBeforeTheFirstNote) {
  { const ResumeFile file(path, kMade, true); }
  std::ofstream(partial, std::ios::app) << "id\n1\n";
  ResumeFile file(path, kMade, true);
  EXPECT_TRUE(file.is_new());
  EXPECT_EQ(file.rows(), 0);
  EXPECT_EQ(slurp(partial), "");
}

TEST_F(Resume, KeepsTheModeOfTheFileItReplaces) {
  dir.write("out.csv", "old");
  std::filesystem::permissions(path, std::filesystem::perms(0600));
  ResumeFile file(path, kMade, false);
  file.write("1\n", 1);
  EXPECT_EQ(slurp(path), "old");
  file.commit();
  EXPECT_EQ(slurp(path), "1\n");
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
}

TEST_F(Resume, RefusesWhatIsNotItsOwn) {
  const auto error = [&](const Fingerprint& made) {
    return error_of(ErrorKind::usage, [&] { const ResumeFile file(path, made, true); });
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
       {"", "[]", "{\"format\":2}", "{\"format\":1,\"bytes\":-1,\"rows\":0}", "not json"}) {
    dir.write("out.csv.partial.json", bad);
    EXPECT_NE(error(kMade).find("is not the note of an unfinished run"), std::string::npos) << bad;
  }
  dir.write("out.csv.partial.json", note);
  dir.write("out.csv.partial", "id\n");
  EXPECT_NE(error(kMade).find("has 3 bytes, its note says 5"), std::string::npos);
  std::filesystem::remove(state);
  EXPECT_NE(error(kMade).find("is there without"), std::string::npos);
}

TEST_F(Resume, HashesSeeEveryByte) {
  const std::string bytes(3000000, 'x');
  const std::string a = content_hash(dir.write("a", bytes));
  EXPECT_EQ(a.size(), 16u);
  EXPECT_EQ(content_hash(dir.write("b", bytes)), a);
  std::string other = bytes;
  other[2999999] = 'y';
  EXPECT_NE(content_hash(dir.write("b", other)), a);
  EXPECT_NE(content_hash(dir.write("b", bytes + std::string(1, '\0'))), a);
  EXPECT_THROW(content_hash(dir.file("none")), Error);
  std::filesystem::create_directory(dir.path / "m");
  dir.write("m/config.json", "{}");
  const std::string model = model_hash(dir.file("m"));
  dir.write("m/README.md", "changes no answer");
  dir.write("m/exit_policy.json", "{}");
  EXPECT_EQ(model_hash(dir.file("m")), model);
  dir.write("m/config.json", "{ }");
  EXPECT_NE(model_hash(dir.file("m")), model);
}

}  // namespace
}  // namespace costeff::tasks
