// Manual pages: that they say what the help says, in roff that no formatter complains about. (That groff
// and mandoc agree is for tools/test_packages.sh, as they are not installed everywhere.)

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <regex>
#include <set>

#include "cli/expected_rows.h"
#include "cli/pages/roff.h"

namespace costeff::cli {
namespace {

using Strings = std::vector<std::string>;

TEST(Roff, ShowsWhatWasWritten) {
  const struct {
    const char *text, *roff;
  } rows[] = {
      {"plain", "plain"},
      {"--dtype int8", "\\-\\-dtype int8"},
      {".hidden", "\\&.hidden"},
      {"'quoted'", "\\&\\(aqquoted\\(aq"},
      {"a.b 'c'", "a.b \\(aqc\\(aq"},
      {"\\ and \\|", "\\e and \\e|"},
      {"say \"hi\"", "say \\(dqhi\\(dq"},
      {"`x` ^2 ~/a", "\\(gax\\(ga \\(ha2 \\(ti/a"},
      {"two\nlines", "two lines"},
      {"", ""},
  };
  for (const auto& row : rows) EXPECT_EQ(roff_escaped(row.text), row.roff);
}

TEST(Roff, TablesStayAsTheyAre) {
  std::string out;
  append_footer("Prose that\ngoes on:\n  a  b\n    c\n\nMore.\n", &out);
  EXPECT_EQ(out, "Prose that goes on:\n.in 7n\n.EX\na  b\n  c\n.EE\n.in 7n\n.PP\nMore.\n");
}

// At most 80 columns, as in the help.
TEST(Roff, WideTablesMoveToTheLeft) {
  std::string out;
  append_verbatim("  " + std::string(78, 'x'), &out);
  EXPECT_EQ(out.substr(0, 7), ".in 2n\n");
  out.clear();
  append_verbatim(std::string(90, 'x'), &out);
  EXPECT_EQ(out.substr(0, 7), ".in 0n\n");
}

class ManPages : public testing::Test {
 protected:
  ManPages() {
    ::setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
    EXPECT_EQ(run({"man", "--directory", dir_.path()}).exit_code, 0);
    for (const auto& file : std::filesystem::directory_iterator(dir_.path())) {
      std::string verb = file.path().stem();
      verb = verb == "costeff" ? "" : verb.substr(8);
      verbs_.push_back(verb);
      pages_.push_back(read_whole_file(file.path()));
    }
  }
  ~ManPages() override { ::unsetenv("SOURCE_DATE_EPOCH"); }

  TempDir dir_;
  Strings verbs_, pages_;  // "" is the program
};

// Names, values and texts of the help, as far as they are in one line.
TEST_F(ManPages, HoldWhatTheHelpHolds) {
  ASSERT_GE(pages_.size(), 16u);
  for (size_t i = 0; i < pages_.size(); ++i) {
    const std::string& verb = verbs_[i];
    const std::string& page = pages_[i];
    SCOPED_TRACE("verb " + verb);
    Strings args = {"--help"};
    if (!verb.empty()) args.insert(args.begin(), verb);
    size_t flags = 0;
    static const std::regex entry("^  (-[A-Za-z0-9-]+)(?:, (--[a-z0-9-]+))?( [^ ]+)?(?:  +.*)?$");
    for (const std::string& line : lines_of(run(args).out)) {
      std::smatch m;
      if (std::regex_match(line, m, entry)) {
        std::string head = "\n\\fB" + roff_escaped(m[1].str()) + "\\fR";
        if (m[2].matched) head += ", \\fB" + roff_escaped(m[2].str()) + "\\fR";
        if (m[3].matched) head += " \\fI" + roff_escaped(m[3].str().substr(1)) + "\\fR";
        EXPECT_NE(page.find(".TP" + head + "\n"), std::string::npos) << head;
        ++flags;
      }
      // Tables and examples of the footer.
      if (line.starts_with("  costeff ")) {
        EXPECT_NE(page.find("\n" + roff_escaped(line.substr(2)) + "\n"), std::string::npos) << line;
      }
    }
    EXPECT_GE(flags, 1u);
  }
}

TEST_F(ManPages, AreRoffAndAscii) {
  const std::set<std::string> macros{".TH", ".SH", ".SS", ".TP", ".PP", ".EX",
                                     ".EE", ".in", ".nr", ".nh", ".ad"};
  for (size_t i = 0; i < pages_.size(); ++i) {
    SCOPED_TRACE("verb " + verbs_[i]);
    size_t from = 0;
    const Strings heads = {
        ".TH ",          ".SH NAME\n",        ".SH SYNOPSIS\n", ".SH DESCRIPTION\n",
        ".SH OPTIONS\n", ".SH EXIT STATUS\n", ".SH SEE ALSO\n"};
    for (const std::string& head : heads) {
      const size_t at = pages_[i].find(head, from);
      ASSERT_NE(at, std::string::npos) << head;
      from = at;
    }
    EXPECT_NE(pages_[i].find(" 1 2023-11-14 \"costeff "), std::string::npos);
    for (const std::string& line : lines_of(pages_[i])) {
      EXPECT_TRUE(line.empty() || line.back() != ' ') << line;
      if (line.starts_with('.')) {
        EXPECT_EQ(macros.count(line.substr(0, line.find(' '))), 1u) << line;
      }
      EXPECT_FALSE(line.starts_with('\'')) << line;
      for (const char c : line) EXPECT_TRUE(c >= ' ' && c <= '~') << line;
      static const std::regex bare_hyphen("(^|[^\\\\])-");
      if (!line.starts_with(".TH")) {
        EXPECT_FALSE(std::regex_search(line, bare_hyphen)) << line;
      }
    }
  }
}

TEST_F(ManPages, ArePrintedToo) {
  EXPECT_EQ(run({"man"}).out, read_whole_file(dir_.file("costeff.1")));
  EXPECT_EQ(run({"man", "infer"}).out, read_whole_file(dir_.file("costeff-infer.1")));
  EXPECT_EQ(run({"man", "infre"}).err,
            "costeff: unknown verb \"infre\" (did you mean infer?); see costeff --help\n");
  EXPECT_EQ(run({"man", "infer", "-d", dir_.path()}).err,
            "costeff: --directory writes all pages, expected no VERB\n");
  EXPECT_EQ(run({"man", "-d", dir_.file("none")}).exit_code, 5);
}

}  // namespace
}  // namespace costeff::cli
