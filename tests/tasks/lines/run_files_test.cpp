#include "tasks/lines/run_files.h"

#include <gtest/gtest.h>

#include "base/error_of.h"
#include "file_changes.h"
#include "tasks/read_rows.h"

namespace costeff::tasks {
namespace {

TEST(RunFiles, HashesSeeEveryByte) {
  const TemporaryDirectory dir;
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

TEST(RunFiles, MustStayTheSameUnderTheirNames) {
  struct Case {
    const char* name;
    void (*make)(const std::string& path);
    bool same;
  };
  const Case kCases[] = {
      {"nothing", [](const std::string&) {}, true},
      {"read", [](const std::string& p) { read_whole_file(p); }, true},
      {"link", [](const std::string& p) { std::filesystem::create_hard_link(p, p + ".2"); }, true},
      {"overwritten", [](const std::string& p) { overwrite(p, "X"); }, false},
      {"appended to", [](const std::string& p) { append_text(p, "X"); }, false},
      {"cut", [](const std::string& p) { cut(p); }, false},
      {"removed", [](const std::string& p) { std::filesystem::remove(p); }, false},
      {"renamed over", [](const std::string& p) { rename_over(p, "bytes"); }, false},
  };
  for (const Case& c : kCases) {
    for (const bool model : {false, true}) {
      const TemporaryDirectory dir;
      std::filesystem::create_directory(dir.path / "m");
      const std::string weights = dir.write("m/model.safetensors", "bytes");
      const std::string input = dir.write("in.txt", "bytes");
      const RunFiles files(dir.file("m"), {{input, {}}, {"-", {}}, {"memory", "bytes"}});
      ::usleep(20000);  // two ticks of the file system's clock
      c.make(model ? weights : input);
      const std::string changed = c.same ? ""
                                         : (model ? weights : input) +
                                               ": was changed or replaced after this run began; "
                                               "start again";
      EXPECT_EQ(error_of(model ? ErrorKind::model : ErrorKind::input, [&] { files.check(); }),
                changed)
          << c.name;
      EXPECT_EQ(error_of(ErrorKind::input, [&] { files.check_inputs(); }), model ? "" : changed)
          << c.name;
    }
  }
}

}  // namespace
}  // namespace costeff::tasks
