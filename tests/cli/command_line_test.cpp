#include "cli/run/command_line.h"

#include <gtest/gtest.h>

namespace costeff::cli {
namespace {

TEST(CommandLine, Quoting) {
  const char* cases[][2] = {{"out", "out"},
                            {"a/b-c_1.2,x=y:z+@%", "a/b-c_1.2,x=y:z+@%"},
                            {"", "''"},
                            {"my model", "'my model'"},
                            {"it's", "'it'\\''s'"},
                            {"$HOME", "'$HOME'"},
                            {"a;b", "'a;b'"},
                            {"~x", "'~x'"},
                            {"\xC3\xA9", "'\xC3\xA9'"},
                            {"a\nb", "'a\nb'"}};
  for (const auto& [word, quoted] : cases) EXPECT_EQ(shell_quoted(word), quoted);
}

TEST(CommandLine, FlagIsAddedOnce) {
  char name[] = "costeff", verb[] = "train", dir[] = "a b", flag[] = "--resume";
  char* words[] = {name, verb, dir, flag};
  keep_command_line(3, words);
  EXPECT_EQ(command_line_with("--resume"), "costeff train 'a b' --resume");
  keep_command_line(4, words);
  EXPECT_EQ(command_line_with("--resume"), "costeff train 'a b' --resume");
}

}  // namespace
}  // namespace costeff::cli
