// The completion of command lines: what bash offers, and whether the values that are offered are
// those that the program takes.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <regex>

#include "cli/expected_rows.h"
#include "cli/pages/completions.h"
#include "cli/run/command_line.h"

namespace costeff::cli {
namespace {

using Strings = std::vector<std::string>;

std::string output_of(const std::string& command) {
  std::string out;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) out += static_cast<char>(c);
  ::pclose(pipe);
  return out;
}

// A directory with a few files, where bash completes.
class BashCompletion : public testing::Test {
 protected:
  BashCompletion() {
    std::filesystem::create_directories(dir_.file("models/sst2-slender"));
    std::filesystem::create_directories(dir_.file("here/my-model"));
    for (const char* name : {"here/rows.tsv", "here/two words.csv"})
      write_file(dir_.file(name), "");
    EXPECT_EQ(run({"completions", "bash", "-o", dir_.file("script")}).exit_code, 0);
  }

  // What is offered for the last word. As in bash, = is a word of its own.
  Strings offers(const Strings& words) {
    std::string quoted;
    for (const std::string& word : words) quoted += " " + shell_quoted(word);
    const std::string script = fmt::format(
        "cd {}; . ../script; export COSTEFF_MODELS=../models; COMP_WORDS=({}{}); COMP_CWORD={}; "
        "_costeff; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        shell_quoted(dir_.file("here")), COSTEFF_BINARY, quoted, words.size());
    Strings all = lines_of(output_of("bash -c " + shell_quoted(script)));
    if (all == Strings{""}) all.clear();
    std::sort(all.begin(), all.end());
    return all;
  }

  TempDir dir_;
};

TEST_F(BashCompletion, OffersWhatFits) {
  const struct {
    Strings words, offered;
  } rows[] = {
      {{"sl"}, {"slenderize"}},
      {{"t"}, {"tokenize", "train", "tune"}},
      {{"--v"}, {"--version"}},
      {{"help", "sw"}, {"sweep"}},
      {{"man", "inf"}, {"infer"}},
      {{"completions", "z"}, {"zsh"}},
      {{"infer", "--pol"}, {"--policy"}},
      {{"infer", "m", "f", "--all"}, {"--all-exits"}},
      {{"infer", "m", "f", "--policy", "max"}, {"max-prob"}},
      {{"infer", "m", "f", "--policy", "=", "max"}, {"max-prob"}},
      {{"infer", "m", "f", "--policy", "="},
       {"confident-patience", "divergence-patience", "entropy", "evidence", "fixed", "learned",
        "margin", "max-prob", "never", "patience"}},
      {{"tune", "m", "--policies", "entropy,mar"}, {"entropy,margin"}},
      {{"tune", "m", "--policy", "f"}, {"fixed"}},
      {{"tokenize", "m", "f", "--format", "t"}, {"text", "tsv"}},
      {{"infer", "m", "f", "--format", "t"}, {"table", "tsv"}},
      {{"infer", "m", "f", "--isa", "ref"}, {"reference"}},
      // Arguments: first the model, then files.
      {{"infer", ""}, {"my-model", "sst2-slender"}},
      {{"infer", "s"}, {"sst2-slender"}},
      {{"infer", "m", "ro"}, {"rows.tsv"}},
      {{"infer", "m", "rows.tsv", "two"}, {"two words.csv"}},
      {{"infer", "m", "two\\ "}, {"two words.csv"}},
      {{"diff", "sst2-slender", "my"}, {"my-model"}},
      {{"convert", "sst2-slender", "my"}, {"my-model"}},
      {{"infer", "--threads", "2", "s"}, {"sst2-slender"}},
      {{"infer", "--quiet", "m", "ro"}, {"rows.tsv"}},
      {{"infer", "--threshold", "=", "0.3", "s"}, {"sst2-slender"}},
      {{"train", "m", "--data", "ro"}, {"rows.tsv"}},
      {{"train", "m", "--teacher", "s"}, {"sst2-slender"}},
      // Nothing is known of numbers, or of verbs that there are not.
      {{"infer", "m", "f", "--threads", ""}, {}},
      {{"inspect", "m", "ro"}, {}},
      {{"frobnicate", "ro"}, {}},
  };
  for (const auto& row : rows) EXPECT_EQ(offers(row.words), row.offered) << joined(row.words);
}

TEST_F(BashCompletion, OffersAllVerbs) {
  const std::string help = run({"--help"}).out;
  const Strings verbs = offers({""});
  EXPECT_GE(verbs.size(), 15u);
  for (const std::string& verb : verbs) EXPECT_NE(help.find("\n  " + verb), std::string::npos);
}

// Every name that begins a line of the help.
TEST_F(BashCompletion, OffersAllFlags) {
  for (const std::string& verb : offers({""})) {
    const Strings flags = offers({verb, "-"});
    const std::regex entry("^  (-[A-Za-z0-9-]+)(?:, (--[a-z0-9-]+))?(?: .*)?$");
    size_t entries = 0;
    for (const std::string& line : lines_of(run({verb, "--help"}).out)) {
      std::smatch m;
      if (!std::regex_match(line, m, entry)) continue;
      ++entries;
      for (const size_t part : {1u, 2u}) {
        if (m[part].matched) {
          EXPECT_EQ(std::count(flags.begin(), flags.end(), m[part]), 1) << verb << " " << m[part];
        }
      }
    }
    EXPECT_GE(entries, 1u) << verb;
  }
}

Strings words_of(const std::string& text, const char* separators) {
  Strings words;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_of(separators, at), text.size());
    if (end > at) words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

// The refusal of a wrong value lists the values: just those are offered.
TEST_F(BashCompletion, OffersTheValuesThatTheProgramTakes) {
  const TinyModel model;
  const std::string data = dir_.file("labelled.tsv"), new_dir = dir_.file("new");
  std::string rows = "text\tlabel\n";
  for (int i = 0; i < 30; ++i) rows += fmt::format("w{}\t{}\n", i, i % 3);
  write_file(data, rows);
  const std::string& m = model.path();
  std::map<std::string, Strings> args{{"infer", {m, data}},
                                      {"tokenize", {m, data}},
                                      {"eval", {m, "--data", data}},
                                      {"sweep", {m, "--data", data}},
                                      {"tune", {m, "--data", data, "--max-drop", "0.1"}},
                                      {"train", {m, "--data", data, "-o", new_dir, "-q"}},
                                      {"slenderize", {m, "--data", data, "-o", new_dir, "-q"}},
                                      {"convert", {m, new_dir}},
                                      {"quantize", {m, new_dir}},
                                      {"diff", {m, m, data}},
                                      {"bench", {m, data, "--lengths", "none"}}};
  const std::map<std::string, Strings> also{
      {"--join", {"--doc-stride", "2"}},
      {"train --pooling", {"--recipe", "joint"}},
      {"slenderize --pooling", {"--method", "cost-eff", "--heads", "1"}},
      {"slenderize --dtype", {"--speedup", "2"}}};
  // Listed for all verbs, and refused by this one.
  const std::map<std::string, std::string> refused{{"train --dtype", "int8"},
                                                   {"quantize --dtype", "float32"}};
  // Other ways to write one of them, and what a verb takes besides.
  const Strings unlisted{"bf16", "qa", "squad", "none", "all"};
  const std::string script = run({"completions", "bash"}).out;
  const std::regex entry("'(\\w+) (--[a-z-]+)'[^\\n]* REPLY='names? ([^']+)' ;;");
  int flags = 0;
  for (std::sregex_iterator at(script.begin(), script.end(), entry), end; at != end; ++at) {
    const std::string verb = (*at)[1], flag = (*at)[2];
    SCOPED_TRACE(verb + " " + flag);
    Strings command{verb};
    for (const std::string& arg : args.at(verb)) command.push_back(arg);
    for (const std::string& key : {flag, verb + " " + flag}) {
      if (const auto it = also.find(key); it != also.end())
        command.insert(command.end(), it->second.begin(), it->second.end());
    }
    command.insert(command.end(), {flag, "wrong"});
    const Finished f = run(command);
    ASSERT_EQ(f.exit_code, 2) << f.err;
    const std::string line = lines_of(f.err).back();
    const size_t list = line.find("expected ");
    ASSERT_NE(list, std::string::npos) << line;
    const Strings listed = words_of(line.substr(list + 9), ", ;");
    const Strings offered = words_of((*at)[3], " ");
    for (const std::string& value : offered) {
      if (std::count(unlisted.begin(), unlisted.end(), value) == 0) {
        EXPECT_EQ(std::count(listed.begin(), listed.end(), value), 1) << value << ": " << line;
      }
    }
    const auto no = refused.find(verb + " " + flag);
    for (const std::string& word : listed) {
      if (no != refused.end() && word == no->second) continue;
      if (line.find("expected one of") != std::string::npos && word != "one" && word != "of" &&
          line.find("-by-layer") == std::string::npos) {
        EXPECT_EQ(std::count(offered.begin(), offered.end(), word), 1) << word << ": " << line;
      }
    }
    ++flags;
  }
  EXPECT_GE(flags, 50);
}

// Flags whose value is a NAME and that offer none: those of columns.
TEST_F(BashCompletion, EveryFlagOfNamesHasThem) {
  const std::string script = run({"completions", "bash"}).out;
  for (const std::string& verb : offers({""})) {
    for (const std::string& line : lines_of(run({verb, "--help"}).out)) {
      static const std::regex entry(
          "^  .*?(--[a-z-]+)(?:, --[a-z-]+)? NAME$|^  (--[a-z-]+) NAME .*$");
      std::smatch m;
      if (!std::regex_match(line, m, entry)) continue;
      const std::string flag = m[1].matched ? m[1] : m[2];
      if (flag.ends_with("-field") || flag.ends_with("-column")) continue;
      EXPECT_TRUE(std::regex_search(
          script, std::regex("'" + verb + " " + flag + "'[^\\n]* REPLY='(names? |kernels)")))
          << verb << " " << flag;
    }
  }
}

TEST(Completion, OtherShells) {
  for (const char* shell : {"zsh", "fish"}) {
    const Finished f = run({"completions", shell});
    EXPECT_EQ(f.exit_code, 0);
    EXPECT_EQ(f.err, "");
    for (const char* word : {"slenderize", "threshold", "max-prob", "completions models"})
      EXPECT_NE(f.out.find(word), std::string::npos) << shell << " " << word;
  }
  const Finished wrong = run({"completions", "tcsh"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_EQ(wrong.err,
            "costeff: completions \"tcsh\", expected bash, zsh, fish, models or kernels\n");
}

TEST(Completion, ShortText) {
  const struct {
    const char *text, *short_text;
  } rows[] = {
      {"Print JSON", "Print JSON"},
      {"No exit before this layer. Of 12", "No exit before this layer"},
      {"evidence: how far each exit is to be believed", "evidence"},
      {"one, two; three", "one, two"},
      {"", ""},
      {"words that go on and on and on and on and on and on and on and on and on, and on",
       "words that go on and on and on and on and on and on and on and on and"},
  };
  for (const auto& row : rows) EXPECT_EQ(short_text(row.text), row.short_text);
}

}  // namespace
}  // namespace costeff::cli
