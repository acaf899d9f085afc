// Help, version, and the one clear line for a wrong command line.

#include <costeff/version.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "cli/expected_rows.h"

namespace costeff::cli {
namespace {

using Strings = std::vector<std::string>;

// The verbs that the help lists.
Strings verbs() {
  Strings names;
  bool in_list = false;
  for (const std::string& line : lines_of(run({"--help"}).out)) {
    if (line.empty()) in_list = false;
    if (in_list && line.size() > 2 && line[2] != ' ')
      names.push_back(line.substr(2, line.find(' ', 2) - 2));
    if (line == "Verbs:") in_list = true;
  }
  return names;
}

void expect_help(const Strings& args) {
  SCOPED_TRACE(args.front());
  const Finished f = run(args);
  EXPECT_EQ(f.exit_code, 0);
  EXPECT_EQ(f.err, "");
  EXPECT_NE(f.out.find("\nUsage: costeff "), std::string::npos);
  EXPECT_NE(
      f.out.find(
          "\nExit codes:\n  0 success, 1 anything else, 2 wrong usage, 3 wrong input data, 4 "),
      std::string::npos);
  for (const std::string& line : lines_of(f.out)) {
    EXPECT_LE(line.size(), 80u) << line;
    EXPECT_TRUE(line.empty() || line.back() != ' ') << line;
  }
}

// Only infer answers questions.
TEST(Usage, HelpOfTaskNamesWhatTheVerbTakes) {
  for (const char* verb : {"infer", "diff", "tokenize"}) {
    EXPECT_EQ(run({verb, "--help"}).out.find("or qa:") != std::string::npos,
              std::string(verb) == "infer")
        << verb;
  }
}

TEST(Usage, HelpFitsATerminal) {
  const Strings all = verbs();
  for (const char* verb : {"infer", "inspect"})
    EXPECT_EQ(std::count(all.begin(), all.end(), verb), 1) << verb;
  expect_help({"--help"});
  expect_help({"-h"});
  for (const std::string& verb : all) {
    expect_help({verb, "--help"});
    expect_help({verb, "-h"});
  }
}

// costeff help VERB is costeff VERB --help, byte for byte.
TEST(Usage, HelpIsAVerbToo) {
  EXPECT_EQ(run({"help"}).out, run({"--help"}).out);
  expect_help({"help"});
  for (const std::string& verb : verbs()) {
    expect_help({"help", verb});
    EXPECT_EQ(run({"help", verb}).out, run({verb, "--help"}).out) << verb;
  }
}

// As git and others do. There are no results, so standard output stays empty, and scripts whose
// variable was not set notice it by the exit code.
TEST(Usage, NoArgumentsPrintTheHelp) {
  const Finished f = run(Strings{});
  EXPECT_EQ(f.exit_code, 2);
  EXPECT_EQ(f.out, "");
  EXPECT_EQ(f.err, run({"--help"}).out);
}

TEST(Usage, HelpOfInferStatesTheContract) {
  const std::string help = run({"infer", "--help"}).out;
  for (const char* fact :
       {"id label prob entropy exit_layer", "layer logits probs entropy", "--threshold", "nats",
        "exit_policy.json", "one line of JSON on stderr", "Examples:"}) {
    EXPECT_NE(help.find(fact), std::string::npos) << fact;
  }
}

TEST(Usage, Version) {
  const Finished f = run({"--version"});
  EXPECT_EQ(f.exit_code, 0);
  EXPECT_EQ(f.err, "");
  const Strings lines = lines_of(f.out);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], std::string("costeff ") + kVersion);
  EXPECT_EQ(lines[1].find("kernels on this CPU, best first: "), 0u);
  EXPECT_NE(lines[1].find("reference"), std::string::npos);
}

class WrongUsage : public testing::Test {
 protected:
  // The line on stderr of a run that must end with `code` and print nothing else.
  std::string error(const Strings& args, int code = 2) {
    const Finished f = run(args, "w1\n");
    EXPECT_EQ(f.exit_code, code);
    EXPECT_EQ(f.out, "");
    EXPECT_EQ(lines_of(f.err).size(), 1u) << f.err;
    EXPECT_EQ(f.err.rfind("costeff: ", 0), 0u) << f.err;
    return f.err.size() < 10 ? f.err : f.err.substr(9, f.err.size() - 10);
  }
  std::string infer_error(const Strings& flags) {
    Strings args = {"infer", model_.path(), "-"};
    args.insert(args.end(), flags.begin(), flags.end());
    return error(args);
  }
  TinyModel model_;
};

TEST_F(WrongUsage, Verbs) {
  std::string list;
  for (const std::string& verb : verbs()) list += (list.empty() ? "" : ", ") + verb;
  EXPECT_EQ(error({"--"}), "no verb given, expected one of " + list + "; see costeff --help");
  EXPECT_EQ(error({"frobnicate"}),
            "unknown verb \"frobnicate\", expected one of " + list + "; see costeff --help");
  EXPECT_EQ(error({"infre", "m", "f"}),
            "unknown verb \"infre\" (did you mean infer?); see costeff --help");
  EXPECT_EQ(error({"help", "infre"}),
            "unknown verb \"infre\" (did you mean infer?); see costeff --help");
  EXPECT_EQ(error({"help", "x"}),
            "unknown verb \"x\", expected one of " + list + "; see costeff --help");
  EXPECT_EQ(error({"help", "infer", "more"}),
            "unexpected argument \"more\"; see costeff help --help");
  EXPECT_EQ(error({"--verison"}),
            "unknown option --verison (did you mean --version?); see costeff --help");
  EXPECT_EQ(error({""}), "unknown verb \"\", expected one of " + list + "; see costeff --help");
}

TEST_F(WrongUsage, Arguments) {
  EXPECT_EQ(error({"infer"}), "MODEL is required; see costeff infer --help");
  EXPECT_EQ(error({"infer", model_.path()}),
            "FILES is required, where - is standard input; see costeff infer --help");
  EXPECT_EQ(error({"infer", "", "-"}), "the name of the model directory is empty");
  EXPECT_EQ(error({"infer", model_.path(), ""}), "the name of an input file is empty");
  EXPECT_EQ(error({"infer", model_.path(), "-", "-"}), "standard input is named twice");
  EXPECT_EQ(error({"inspect"}), "MODEL is required; see costeff inspect --help");
  EXPECT_EQ(error({"inspect", model_.path(), "more"}),
            "unexpected argument \"more\"; see costeff inspect --help");
}

TEST_F(WrongUsage, Options) {
  EXPECT_EQ(infer_error({"--bogus"}), "unknown option --bogus; see costeff infer --help");
  EXPECT_EQ(infer_error({"--bogus=3"}), "unknown option --bogus; see costeff infer --help");
  EXPECT_EQ(infer_error({"--treshold", "0.3"}),
            "unknown option --treshold (did you mean --threshold?); see costeff infer --help");
  EXPECT_EQ(infer_error({"-x"}), "unknown option -x; see costeff infer --help");
  EXPECT_EQ(infer_error({"--threads"}), "--threads needs a value; see costeff infer --help");
  EXPECT_EQ(infer_error({"--header", "--no-header"}),
            "--header and --no-header exclude each other; see costeff infer --help");
}

TEST_F(WrongUsage, Numbers) {
  const std::string see = "; see costeff infer --help";
  for (const char* text :
       {"abc", "0", "-1", "1.5", "1025", "010", "0x2", "", "1e3", "99999999999999999999"}) {
    EXPECT_EQ(
        infer_error({"--threads", text}),
        "--threads: \"" + std::string(text) + "\", expected a whole number from 1 to 1024" + see);
  }
  EXPECT_EQ(infer_error({"--batch-tokens", "no"}),
            "--batch-tokens: \"no\", expected a whole number from 1 to 1048576" + see);
  EXPECT_EQ(infer_error({"--max-length", "0"}),
            "--max-length: \"0\", expected a whole number from 1 to 1048576" + see);
  EXPECT_EQ(infer_error({"--top-k", "0"}),
            "--top-k: \"0\", expected a whole number from 1 to 1000000" + see);
  EXPECT_EQ(infer_error({"--exit-layer", "0"}),
            "--exit-layer: \"0\", expected a whole number from 1 to 1000" + see);
  EXPECT_EQ(infer_error({"--patience", "-2"}),
            "--patience: \"-2\", expected a whole number from 0 to 1000" + see);
  EXPECT_EQ(
      error({"inspect", model_.path(), "--length", "0"}),
      "--length: \"0\", expected a whole number from 1 to 1000000; see costeff inspect --help");
}

TEST_F(WrongUsage, Names) {
  EXPECT_EQ(infer_error({"--format", "xml"}),
            "output format \"xml\" is not known, expected one of tsv, csv, jsonl, table");
  EXPECT_EQ(infer_error({"--input-format", "xml"}),
            "input format \"xml\" is not known, expected one of auto, text, tsv, csv, jsonl");
  EXPECT_EQ(
      infer_error({"--truncation", "middle"}),
      "truncation \"middle\" is not known, expected one of longest_first, only_first, only_second");
  EXPECT_EQ(infer_error({"--pair-cut", "medium"}),
            "pair cut \"medium\" is not known, expected one of fast, slow");
  EXPECT_EQ(infer_error({"--task", "sst3"})
                .rfind("task \"sst3\" is not known, expected one of sst-2, ", 0),
            0u);
  EXPECT_EQ(
      infer_error({"--isa", "mmx"}).rfind("isa \"mmx\", expected one of those this CPU runs: ", 0),
      0u);
  EXPECT_EQ(infer_error({"--all-exits", "--format", "tsv"}), "--all-exits needs --format jsonl");
  EXPECT_EQ(infer_error({"--top-k", "2", "--format", "table"}),
            "--top-k needs --format tsv, csv or jsonl");
  EXPECT_EQ(infer_error({"--max-length", "65"}),
            "max length 65, expected 1 to 64, the positions of this model");
  EXPECT_EQ(infer_error({"--text-column", "x"}),
            "stdin is read as plain text, which has no columns or fields; say --input-format tsv, "
            "csv or jsonl");
}

// NaN lies in no range.
TEST_F(WrongUsage, NumbersWithFractions) {
  EXPECT_EQ(
      infer_error({"--max-delay", "nan"}),
      "--max-delay: \"nan\", expected a number from 0 to 1000000000; see costeff infer --help");
  const Strings verbs[] = {{"bench", model_.path(), "--seconds"},
                           {"eval", model_.path(), "data.tsv", "--confidence"},
                           {"diff", model_.path(), model_.path(), "--tolerance"}};
  for (Strings args : verbs) {
    for (const char* value : {"nan", "-1", "inf", "1x", ""}) {
      Strings all = args;
      all.push_back(value);
      EXPECT_EQ(error(all).rfind(args.back() + ": \"" + value + "\", expected a number from ", 0),
                0u)
          << args.front() << " " << value;
    }
  }
}

// A variable that a script has not set does not mean the default.
TEST_F(WrongUsage, EmptyValues) {
  const Strings all[] = {{"infer", model_.path(), "-", "--threshold"},
                         {"infer", model_.path(), "-", "--output"},
                         {"infer", model_.path(), "-", "--separator"},
                         {"eval", model_.path(), "data.tsv", "--metrics"},
                         {"eval", model_.path(), "data.tsv", "--threshold"},
                         {"sweep", model_.path(), "--policies"},
                         {"tune", model_.path(), "--policy"},
                         {"convert", model_.path(), "new", "--dtype"}};
  for (Strings args : all) {
    const std::string verb = args.front(), flag = args.back();
    args.emplace_back("");
    EXPECT_EQ(error(args).rfind(flag, 0), 0u) << verb << flag;
    EXPECT_NE(error(args).find(": the value is empty; see costeff " + verb), std::string::npos);
  }
}

TEST_F(WrongUsage, LengthsOfBench) {
  EXPECT_EQ(error({"bench", model_.path(), "--lengths", ""}),
            "--lengths: the value is empty; see costeff bench --help");
  EXPECT_EQ(error({"bench", model_.path(), "--lengths", "8,"}),
            "--lengths \"8,\", expected numbers of tokens up to 64, such as 8,32,128");
  // The usual lengths as far as a model of 64 positions takes them.
  const Finished f = run({"bench", model_.path(), "--seconds", "0"});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_NE(f.out.find("\n     32 "), std::string::npos) << f.out;
  EXPECT_EQ(f.out.find("\n    128 "), std::string::npos) << f.out;
}

// No verb replaces what it reads, whatever the file is called.
TEST_F(WrongUsage, OutputThatIsAnInput) {
  TempDir dir;
  const std::string data = dir.file("a.tsv"), link = dir.file("b.tsv");
  const std::string text = "text\tlabel\nw1 w2\t0\nw3\t1\n";
  write_file(data, text);
  std::filesystem::create_symlink(data, link);
  const std::string& model = model_.path();
  const Strings verbs[] = {{"infer", model, data, "-o"},
                           {"tokenize", model, data, "-o"},
                           {"eval", model, data, "-o"},
                           {"sweep", model, "--data", data, "--tsv"},
                           {"sweep", model, "--data", data, "--html"},
                           {"tune", model, "--data", data, "--max-drop", "0.1", "-o"},
                           {"bench", model, data, "--json"}};
  for (const Strings& args : verbs) {
    for (const std::string& output : {data, link}) {
      Strings all = args;
      all.push_back(output);
      EXPECT_EQ(error(all), output + ": is an input, expected another file to write")
          << args.front();
    }
  }
  EXPECT_EQ(read_whole_file(data), text);
}

// A wrong flag is reported before files are looked for.
TEST_F(WrongUsage, FlagsComeFirst) {
  EXPECT_EQ(error({"infer", "no-model", "no-file", "--format", "xml"}),
            "output format \"xml\" is not known, expected one of tsv, csv, jsonl, table");
}

TEST_F(WrongUsage, LastValueCounts) {
  const Finished f = run({"infer", model_.path(), "-", "--threads", "1", "--format", "csv",
                          "--threads", "2", "--format", "tsv", "-q", "-q"},
                         "w1\n");
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(f.out, run({"infer", model_.path(), "-"}, "w1\n").out);
}

TEST_F(WrongUsage, MissingModelAndData) {
  TempDir dir;
  const std::string model = dir.file("no-model"), data = dir.file("no.txt");
  write_file(dir.file("a.txt"), "w1\n");
  EXPECT_EQ(error({"infer", model, dir.file("a.txt")}, 4),
            model + ": does not exist, expected a checkpoint directory");
  EXPECT_EQ(error({"inspect", model}, 4),
            model + ": does not exist, expected a checkpoint directory");
  EXPECT_EQ(error({"infer", dir.file("a.txt"), "-"}, 4),
            dir.file("a.txt") + ": is not a directory, expected a checkpoint directory");
  EXPECT_EQ(error({"infer", model_.path(), data}, 3), data + ": No such file or directory");
  EXPECT_EQ(error({"infer", model_.path(), dir.file("a.txt"), data}, 3),
            data + ": No such file or directory");
  EXPECT_EQ(error({"infer", model_.path(), dir.path()}, 3),
            dir.path() + ": is a directory, expected a file");
}

}  // namespace
}  // namespace costeff::cli
