// Every malformed or hostile input of the collection in ../shared/bad, through the program: the
// exit code, the one line, no file, no stray process, in bounded time and memory (its README.md).

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <thread>

#include "cli/expected_rows.h"
#include "emulated.h"
#include "shared_data.h"

namespace costeff::cli {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;
using OrderedJson = nlohmann::ordered_json;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitizer = true;
#else
constexpr bool kSanitizer = false;
#endif

struct Bounds {
  double seconds;
  int64_t rss_kb;
};

struct BadCase {
  std::string name, model, data, as, error_names, severity, kind, expect;
};

Strings split(const std::string& text, const std::string& separator) {
  Strings out;
  for (size_t at = 0;;) {
    const size_t next = text.find(separator, at);
    out.push_back(text.substr(at, next - at));
    if (next == std::string::npos) return out;
    at = next + separator.size();
  }
}

std::vector<BadCase> read_cases(const std::string& path) {
  std::vector<BadCase> cases;
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    const Strings c = split(line, "\t");
    if (c.size() >= 9) cases.push_back({c[0], c[1], c[2], c[3], c[5], c[6], c[7], c[8]});
  }
  return cases;
}

Strings flags_for(const std::string& as) {
  const Strings words = split(split(as, " ")[0], ":");
  if (words[0] == "glue") return {"--task", words.at(1)};
  if (words[0] == "jsonl") return {"--input-format", "jsonl", "--text-field", words.at(1)};
  if (words[0] == "csv") return {"--input-format", "csv", "--text-column", words.at(1)};
  return {"--input-format", "text"};
}

bool has_control_bytes(const std::string& text) {
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n') || byte == 0x7F) return true;
  }
  return false;
}

// Runs one row of the table and collects what is wrong.
class CaseRun {
 public:
  // root: model and data are relative to it; valid: the directory that holds valid/.
  CaseRun(const BadCase& c, std::string root, std::string valid, Bounds bounds)
      : case_(c), root_(std::move(root)), valid_(std::move(valid)), bounds_(bounds) {}

  std::string wrong() {
    if (case_.severity == "ok" || case_.as.find("(eval)") != std::string::npos) {
      check_answers(infer({"--all-exits", "--format", "jsonl"}));
    } else if (case_.severity != "either") {
      check_error();
    } else {
      const Finished f = infer({"--all-exits", "--format", "jsonl"});
      f.exit_code == 0 ? check_answers(f) : check_error();
    }
    return wrong_;
  }

 private:
  void fail(const std::string& what) { wrong_ += case_.name + ": " + what + "\n"; }

  std::string path(const std::string& name) const {
    return name.rfind("@valid", 0) == 0 ? valid_ + name.substr(1) : root_ + name;
  }

  Finished infer(const Strings& more) {
    const TempDir cwd;
    Command command{.args = {"infer", path(case_.model), path(case_.data)}, .cwd = cwd.path()};
    const Strings flags = flags_for(case_.as);
    command.args.insert(command.args.end(), flags.begin(), flags.end());
    command.args.insert(command.args.end(), more.begin(), more.end());
    const Finished f = run(command);
    for (const auto& left : fs::directory_iterator(cwd.path()))
      fail("left " + left.path().string());
    if (f.timed_out) fail("does not end");
    if (f.signal != 0) fail(fmt::format("ended by signal {}: {}", f.signal, f.err));
    if (has_control_bytes(f.err)) fail("raw control bytes on stderr");
    if (f.seconds > (kSanitizer || kEmulated ? 20 : 1) * bounds_.seconds)
      fail(fmt::format("took {} s", f.seconds));
    if (!kSanitizer && !kEmulated && f.peak_rss_kb > bounds_.rss_kb)
      fail(fmt::format("took {} kB", f.peak_rss_kb));
    return f;
  }

  void check_error() {
    const int code = case_.kind == "model" ? 4 : case_.kind == "data" ? 3 : 2;
    for (const Strings& more : {Strings{"--output", "out.tsv"}, Strings{"--format", "tsv"}}) {
      const Finished f = infer(more);
      if (f.exit_code != code) {
        fail(fmt::format("exit code {}, expected {}: {}", f.exit_code, code, f.err));
      }
      if (lines_of(f.err).size() != 1 || f.err.rfind("costeff: ", 0) != 0)
        fail("not one line of error: " + f.err);
      for (const std::string& pattern : split(case_.error_names, " && ")) {
        if (!std::regex_search(f.err, std::regex(pattern, std::regex::icase))) {
          fail("no /" + pattern + "/ in: " + f.err);
        }
      }
      const bool whole_rows = f.out.empty() || f.out.back() == '\n';
      if (case_.kind == "data" ? !whole_rows : !f.out.empty()) fail("on stdout: " + f.out);
      if (more[0] == "--output" && !f.out.empty()) fail("on stdout beside --output: " + f.out);
    }
  }

  // The file of right answers; "": no rows are right; "?": unknown.
  std::string expected_file() const {
    std::smatch m;
    if (std::regex_search(case_.expect, m, std::regex("\\S*expected\\.jsonl")))
      return root_ + m.str();
    if (case_.expect.find("no rows") != std::string::npos) return "";
    const std::string base = case_.name.rfind("bpe_", 0) == 0   ? "valid_bpe"
                             : case_.name.rfind("spm_", 0) == 0 ? "valid_spm"
                                                                : "valid";
    return case_.kind == "model" ? valid_ + base + "/expected.jsonl" : "?";
  }

  void check_answers(const Finished& f) {
    if (f.exit_code != 0) return fail(fmt::format("exit code {}: {}", f.exit_code, f.err));
    if (case_.severity == "either" && case_.expect.find("note") != std::string::npos) check_note();
    if (case_.name == "cfg_maxpos_smaller") token_limit_ = 20;
    const std::string file = expected_file();
    const auto rows = json_rows(f.out);
    if (file == "?") {
      // A data case without right answers: rows with text, and a warning.
      if (rows.empty() || case_.severity == "either")
        fail("answered, and nothing says what is right");
      return;
    }
    const auto expected =
        file.empty() ? std::vector<OrderedJson>{} : json_rows(read_whole_file(file));
    if (rows.size() != expected.size()) {
      return fail(fmt::format("{} rows, expected {}", rows.size(), expected.size()));
    }
    if (!file.empty() && expected.empty()) return fail("no rows in " + file);
    for (size_t i = 0; i < rows.size(); ++i) check_row(rows[i], expected[i]);
  }

  void check_row(const OrderedJson& row, const OrderedJson& expected) {
    if (expected["input_ids"].size() > token_limit_) return;
    const std::string place = "row " + row["id"].dump();
    const OrderedJson &exits = row["exits"], &right = expected["exits"];
    if (row.contains("labels")) {
      check_sigmoids(row, exits.back(), place);
    } else if (row["label_id"] != right.back()["label_id"]) {
      fail(place + ": label");
    }
    if (exits.size() != right.size()) return fail(fmt::format("{}: {} exits", place, exits.size()));
    for (size_t e = 0; e < exits.size(); ++e) {
      if (exits[e]["layer"] != right[e]["layer"]) fail(place + ": layer");
      const auto logits = exits[e]["logits"].get<std::vector<double>>();
      const auto wanted = right[e]["logits"].get<std::vector<double>>();
      if (logits.size() != wanted.size()) return fail(place + ": logits");
      for (size_t c = 0; c < logits.size(); ++c) {
        if (!(std::abs(logits[c] - wanted[c]) < 1e-5)) {
          fail(fmt::format("{}: logit {}, expected {}", place, logits[c], wanted[c]));
        }
      }
    }
  }

  // Of a multi-label model: the answer is the set of labels whose sigmoid is above 0.5.
  void check_sigmoids(const OrderedJson& row, const OrderedJson& exit, const std::string& place) {
    OrderedJson ids = OrderedJson::array();
    for (size_t c = 0; c < exit["logits"].size(); ++c) {
      const double p = 1 / (1 + std::exp(-exit["logits"][c].get<double>()));
      if (!(std::abs(exit["probs"][c].get<double>() - p) < 1e-6)) fail(place + ": probability");
      if (p > 0.5) ids.push_back(c);
    }
    if (row["label_ids"] != ids) fail(place + ": labels");
  }

  // If something odd is accepted, a warning must say so.
  void check_note() {
    const Finished f = run({"inspect", path(case_.model), "--json"});
    if (f.exit_code != 0 || OrderedJson::parse(f.out)["notes"].empty())
      fail("accepted without a note");
  }

  BadCase case_;
  std::string root_, valid_, wrong_;
  Bounds bounds_;
  size_t token_limit_ = 1000000;  // rows that are longer are not compared
};

// All cases, on two threads.
void run_cases(const std::vector<BadCase>& cases, const std::string& root, const std::string& valid,
               Bounds bounds) {
  std::vector<std::string> wrong(cases.size());
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < cases.size(); i = next++) {
      try {
        wrong[i] = CaseRun(cases[i], root, valid, bounds).wrong();
      } catch (const std::exception& e) {
        wrong[i] = cases[i].name + ": " + e.what() + "\n";
      }
    }
  };
  std::thread other(work);
  work();
  other.join();
  for (const std::string& text : wrong) EXPECT_EQ(text, "");
}

bool shell(const std::string& command) {
  const int status = std::system(command.c_str());
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// Unpacks the collection. Returns its directory, with a slash; "": impossible here.
std::string unpack(const TempDir& dir) {
  const std::string command =
      "tar -xJf '" + shared_path("bad/bad.tar.xz") + "' -C '" + dir.path() + "' 2>/dev/null";
  return shell(command) ? dir.file("bad/") : "";
}

TEST(BadCases, EveryRowOfTheTable) {
  COSTEFF_NEED_SHARED("bad/bad.tar.xz");
  const TempDir dir;
  const std::string root = unpack(dir);
  ASSERT_NE(root, "") << "cannot unpack bad.tar.xz: tar and xz are needed";
  const auto cases = read_cases(root + "cases.tsv");
  ASSERT_GT(cases.size(), 100u);
  run_cases(cases, root, root, {.seconds = 2, .rss_kb = 500 << 10});
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// Cases made by a script, since they are large or no plain files. Sanitizers are too slow for
// 2 million rows.
TEST(BadCases, LargeAndSpecialFiles) {
  COSTEFF_NEED_SHARED("bad/bad.tar.xz");
  const TempDir dir, made;
  const std::string root = unpack(dir);
  ASSERT_NE(root, "") << "cannot unpack bad.tar.xz: tar and xz are needed";
  const std::string names =
      "large_st large_cfg large_vocab large_idx large_zip large_pkl large_legacy special_ "
      "large_line "
      "large_word large_jsonl large_tsv" +
      std::string(kSanitized ? "" : " large_empty");
  ASSERT_TRUE(shell("python3 '" + root + "make_large.py' '" + made.path() + "' " + names))
      << "make_large.py does not run: python3 and a file system with holes are needed";
  auto cases = read_cases(made.file("cases.tsv"));
  ASSERT_GT(cases.size(), 10u);
  for (BadCase& c : cases) {
    // Only the number of rows is known for these: one, or one for each of 2 million empty lines.
    if (c.kind != "data" || c.severity != "ok") continue;
    const Finished f = run({"infer", root + "valid", made.file(c.data), "--no-output-header"});
    EXPECT_EQ(f.exit_code, 0) << c.name << ": " << f.err;
    const auto rows = lines_of(f.out);
    EXPECT_EQ(rows.size(), c.name == "large_empty_lines" ? 2000000u : 1u) << c.name;
    for (const std::string& row : rows) {
      ASSERT_EQ(row.substr(row.find('\t')), rows[0].substr(rows[0].find('\t')));
    }
    c.name.clear();
  }
  std::erase_if(cases, [](const BadCase& c) { return c.name.empty(); });
  run_cases(cases, made.path() + "/", root, {.seconds = 10, .rss_kb = 1 << 20});
}

}  // namespace
}  // namespace costeff::cli
