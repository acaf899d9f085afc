// The program on a terminal of 80 columns.

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "cli/expected_rows.h"

namespace costeff::cli {
namespace {

using Strings = std::vector<std::string>;

Command on_terminal(const Strings& args) { return Command{.args = args, .terminal = true}; }

Strings terminal_lines(const std::string& bytes) {
  std::string text;
  for (char c : bytes) {
    if (c != '\r') text += c;
  }
  return lines_of(text);
}

TEST(Terminal, TableOfAFile) {
  COSTEFF_NEED_TERMINAL();
  const TinyModel model;
  TempDir dir;
  write_file(dir.file("in.txt"), "w1 w2\n" + std::string(300, 'x') + "\n\x1b[31mred\n");
  const Finished f = run(on_terminal({"infer", model.path(), dir.file("in.txt")}));
  EXPECT_EQ(f.exit_code, 0);
  const Strings lines = terminal_lines(f.out);
  ASSERT_EQ(lines.size(), 4u) << f.out;
  EXPECT_EQ(lines[0], "     id  label       prob  entropy   exit  text");
  EXPECT_EQ(lines[1].rfind("      1  LABEL_", 0), 0u);
  EXPECT_NE(lines[1].find("    4/4  w1 w2"), std::string::npos);
  EXPECT_EQ(f.out.find('\x1b'), std::string::npos);
  const Result r = Engine(model.path()).score(rows_of({"w1 w2"}))[0];
  const std::string prob = fmt::format("  {:.3f}  ", r.prob);
  EXPECT_NE(lines[1].find(prob), std::string::npos) << lines[1];
  // Characters, not bytes: the cut line ends in an ellipsis of three bytes.
  EXPECT_EQ(lines[2].size(), 82u) << lines[2];
}

TEST(Terminal, OtherFormatsWhenAskedFor) {
  COSTEFF_NEED_TERMINAL();
  const TinyModel model;
  TempDir dir;
  write_file(dir.file("in.txt"), "w1\n");
  const auto first = [&](const Strings& more) {
    Strings args = {"infer", model.path(), dir.file("in.txt")};
    args.insert(args.end(), more.begin(), more.end());
    return terminal_lines(run(on_terminal(args)).out).at(0);
  };
  EXPECT_EQ(first({"--format", "csv"}), "id,label,prob,entropy,exit_layer");
  EXPECT_EQ(first({"--top-k", "2"}), "id\tlabel\tprob\tentropy\texit_layer\tlabel_2\tprob_2");
  EXPECT_EQ(first({"--all-exits"}).substr(0, 8), "{\"id\":1,");
}

TEST(Terminal, TypedLinesAreAnswered) {
  COSTEFF_NEED_TERMINAL();
  const TinyModel model;
  Process p(on_terminal({"infer", model.path(), "-"}));
  ASSERT_TRUE(p.wait_for_output("reading from the terminal, one text per line; Ctrl-D ends\r\n"));
  p.write("w1 w2\n");
  ASSERT_TRUE(p.wait_for_output("      1  LABEL_"));
  p.write("w3\n");
  ASSERT_TRUE(p.wait_for_output("      2  LABEL_"));
  p.write("\x04");
  EXPECT_EQ(p.finish().exit_code, 0);
}

TEST(Terminal, CtrlC) {
  COSTEFF_NEED_TERMINAL();
  const TinyModel model;
  Process p(on_terminal({"infer", model.path(), "-"}));
  ASSERT_TRUE(p.wait_for_output("Ctrl-D ends\r\n"));
  p.write("w1 w2\n");
  ASSERT_TRUE(p.wait_for_output("      1  LABEL_"));
  p.write("half a li\x03");
  const Finished f = p.finish();
  EXPECT_EQ(f.exit_code, 130);
  // On its own line, after what the terminal echoes.
  EXPECT_NE(f.out.find("\r\ncosteff: interrupted after 1 row\r\n"), std::string::npos) << f.out;
}

TEST(Terminal, ProgressIsErasedAndNeverWraps) {
  COSTEFF_NEED_TERMINAL();
  const TinyModel model;
  TempDir dir;
  std::string lines;
  for (const std::string& text : tiny_texts(20000, 5)) lines += "w0 " + text + "\n";
  write_file(dir.file("in.txt"), lines);
  const Finished f =
      run(on_terminal({"infer", model.path(), dir.file("in.txt"), "-o", dir.file("out.tsv")}));
  EXPECT_EQ(f.exit_code, 0);
  // Each drawing begins with "\r\x1b[K", and the last one draws nothing.
  const std::string erase = "\r\x1b[K";
  for (size_t at = 0; at < f.out.size();) {
    ASSERT_EQ(f.out.compare(at, erase.size(), erase), 0) << f.out;
    const size_t next = std::min(f.out.find(erase, at + 1), f.out.size());
    EXPECT_LT(next - at - erase.size(), 80u);
    if (next == f.out.size()) {
      EXPECT_EQ(next - at, erase.size());
    }
    at = next;
  }
  const Finished quiet = run(on_terminal(
      {"infer", model.path(), dir.file("in.txt"), "-o", dir.file("out.tsv"), "--quiet"}));
  EXPECT_EQ(quiet.out, "");
}

}  // namespace
}  // namespace costeff::cli
