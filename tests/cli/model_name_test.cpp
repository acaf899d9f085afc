// Models by the name under which they are installed.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "cli/expected_rows.h"

namespace costeff::cli {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

// Two places: first/one and second/one differ, second/two is there alone.
class ModelNames : public testing::Test {
 protected:
  ModelNames() {
    for (const char* name : {"first/one", "second/one", "second/two", "here"})
      fs::create_directories(dir_.file(name));
    write_tiny_checkpoint(dir_.file("first/one"), {.seed = 1});
    write_tiny_checkpoint(dir_.file("second/one"), {.seed = 2});
    write_tiny_checkpoint(dir_.file("second/two"), {.seed = 3});
    write_file(dir_.file("here/rows.tsv"), "text\tlabel\nw1 w2\t0\nw3\t1\nw4 w1\t2\n");
    places_ = dir_.file("first") + ":" + dir_.file("second");
    ::setenv("COSTEFF_MODELS", places_.c_str(), 1);
  }
  ~ModelNames() override { ::unsetenv("COSTEFF_MODELS"); }

  Finished here(const Strings& args) { return run({.args = args, .cwd = dir_.file("here")}); }
  std::string model_of(const std::string& name) {
    const Finished f = here({"inspect", name});
    EXPECT_EQ(f.err, "");
    const std::string line = lines_of(f.out).empty() ? "" : lines_of(f.out).front();
    return line.substr(0, 14) == "model         " ? line.substr(14) : line;
  }

  TempDir dir_;
  std::string places_;
};

TEST_F(ModelNames, AreSearchedInOrder) {
  EXPECT_EQ(model_of("one"), dir_.file("first/one"));
  EXPECT_EQ(model_of("two"), dir_.file("second/two"));
  ::setenv("COSTEFF_MODELS", dir_.file("second").c_str(), 1);
  EXPECT_EQ(model_of("one"), dir_.file("second/one"));
}

// A directory here comes first; a file does not.
TEST_F(ModelNames, DirectoriesComeFirst) {
  write_file(dir_.file("here/two"), "");
  EXPECT_EQ(model_of("two"), dir_.file("second/two"));
  fs::create_directories(dir_.file("here/one"));
  write_tiny_checkpoint(dir_.file("here/one"), {.seed = 4});
  EXPECT_EQ(model_of("one"), "one");
}

// The place beside the program: PREFIX/share/costeff/models of PREFIX/bin/costeff, wherever it is called
// from, also by a link.
TEST_F(ModelNames, ArePartOfTheInstallation) {
  fs::create_directories(dir_.file("prefix/bin"));
  fs::create_directories(dir_.file("prefix/share/costeff"));
  fs::rename(dir_.file("second"), dir_.file("prefix/share/costeff/models"));
  fs::copy_file(COSTEFF_PROGRAM_FILE, dir_.file("prefix/bin/costeff"));
  fs::create_symlink(dir_.file("prefix/bin/costeff"), dir_.file("link"));
  ::unsetenv("COSTEFF_MODELS");
  for (const char* program : {"prefix/bin/costeff", "link"}) {
    const std::string command = "cd / && " COSTEFF_EMULATOR " '" + dir_.file(program) +
                                "' completions models > '" + dir_.file("out") + "'";
    EXPECT_EQ(std::system(command.c_str()), 0);
    EXPECT_EQ(read_whole_file(dir_.file("out")), "one\ntwo\n") << program;
  }
}

// Every verb that reads a model takes its name.
TEST_F(ModelNames, EveryVerbTakesThem) {
  const Strings commands[] = {
      {"infer", "two", "rows.tsv"},
      {"eval", "two", "--data", "rows.tsv"},
      {"sweep", "two", "--data", "rows.tsv"},
      {"tune", "two", "--data", "rows.tsv", "--max-drop", "0.9", "--dry-run"},
      {"inspect", "two"},
      {"tokenize", "two", "rows.tsv"},
      {"bench", "two", "--lengths", "2", "--seconds", "0"},
      {"diff", "two", "two"},
      {"convert", "two", "new"},
      {"quantize", "two", "small", "--dtype", "int8"},
      {"train", "two", "--data", "rows.tsv", "--dev-share", "0", "-o", "out", "--dry-run"},
      {"slenderize", "two", "--data", "rows.tsv", "--dev-share", "0", "-o", "out", "--dry-run"}};
  for (Strings args : commands) {
    const Finished f = here(args);
    EXPECT_EQ(f.exit_code, 0) << args[0] << ": " << f.err;
    args[1] = "three";
    const Finished none = here(args);
    EXPECT_EQ(none.exit_code, 4) << args[0];
    EXPECT_EQ(
        none.err.rfind("costeff: three: does not exist, expected a checkpoint directory or the "
                       "name of a model installed in " +
                           dir_.file("first") + " or " + dir_.file("second") + " or ",
                       0),
        0u)
        << none.err;
    EXPECT_EQ(lines_of(none.err).size(), 1u);
  }
  // The policy goes to the model.
  EXPECT_EQ(here({"tune", "two", "--data", "rows.tsv", "--max-drop", "0.9"}).exit_code, 0);
  EXPECT_TRUE(fs::exists(dir_.file("second/two/exit_policy.json")));
}

TEST_F(ModelNames, FlagsTakeThemToo) {
  Strings args = {"train", "one",      "--data",    "rows.tsv",  "--dev-share", "0",        "-o",
                  "out",   "--recipe", "assistant", "--teacher", "two",         "--dry-run"};
  EXPECT_EQ(here(args).exit_code, 0) << here(args).err;
  args[11] = "three";
  EXPECT_NE(
      here(args).err.find("three: does not exist, expected a checkpoint directory or the name"),
      std::string::npos);
}

// What has a slash is a path.
TEST_F(ModelNames, PathsAreNotSearched) {
  for (const char* path : {"./two", "two/", "../here/two", "org/two"}) {
    const Finished f = here({"inspect", path});
    EXPECT_EQ(f.exit_code, 4) << path;
    EXPECT_EQ(f.err.rfind(std::string("costeff: ") + path +
                              ": does not exist, expected a checkpoint directory",
                          0),
              0u)
        << f.err;
    EXPECT_EQ(f.err.find("installed"), std::string::npos) << f.err;
  }
  // Nor are other names than plain ones.
  EXPECT_EQ(here({"inspect", ""}).err, "costeff: the name of the model directory is empty\n");
  EXPECT_EQ(here({"inspect", ".."}).exit_code, 4);
}

TEST_F(ModelNames, TheHelpSaysSo) {
  for (const char* verb : {"infer", "eval", "train", "diff", "sweep"}) {
    std::string help = run({verb, "--help"}).out;
    for (size_t at = help.find('\n'); at != std::string::npos; at = help.find('\n', at + 1))
      help.replace(at, help.find_first_not_of(" \n", at) - at, " ");
    EXPECT_NE(help.find(", or the name of an installed model"), std::string::npos) << verb;
  }
  EXPECT_NE(run({"--help"}).out.find("COSTEFF_MODELS"), std::string::npos);
}

TEST_F(ModelNames, AreListed) {
  EXPECT_EQ(here({"completions", "models"}).out, "one\ntwo\n");
  ::setenv("COSTEFF_MODELS", (dir_.file("none") + "::" + dir_.file("first")).c_str(), 1);
  EXPECT_EQ(here({"completions", "models"}).out, "one\n");
}

}  // namespace
}  // namespace costeff::cli
