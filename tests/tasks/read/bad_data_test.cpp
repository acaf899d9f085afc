// The malformed data files, as far as a reader decides them.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>

#include "base/json/json.h"
#include "base/utf8.h"
#include "shared_data.h"
#include "tasks/read_rows.h"

namespace costeff::tasks {
namespace {

// These ids are well-formed; whether the model has them is the engine's to say.
const std::set<std::string> kLeftToTheEngine = {"jsonl_ids_out_of_range", "jsonl_ids_too_long",
                                                "jsonl_types_range"};

Strings split(const std::string& line, const std::string& separator) {
  Strings out;
  for (size_t at = 0;;) {
    const size_t next = line.find(separator, at);
    out.push_back(line.substr(at, next - at));
    if (next == std::string::npos) return out;
    at = next + separator.size();
  }
}

// "glue:TASK", "jsonl:FIELD", "csv:COLUMN", "text"
InputOptions options_for(const std::string& as) {
  const Strings words = split(split(as, " ")[0], ":");
  InputOptions options;
  if (words[0] == "glue") {
    options.task = &find_task(words[1]);
  } else {
    options.format = input_format_from_name(words[0]);
    if (words.size() > 1) options.text_field = words[1];
  }
  return options;
}

std::string replace_bad_utf8(std::string_view text) {
  std::string out;
  bool bad = false;
  for (size_t at = 0; at < text.size();) append_utf8(next_code_point(text, &at, &bad), &out);
  return out;
}

// Rows against expected.jsonl: line numbers and texts.
void check_rows(const std::string& expected_path, const ReadRows& read) {
  std::ifstream in(expected_path);
  std::string line;
  size_t i = 0;
  for (; std::getline(in, line); ++i) {
    ASSERT_LT(i, read.rows.size());
    const Json expected = Json::parse(line);
    const Example& row = read.rows[i];
    EXPECT_EQ(row.line, expected.at("line").get<int64_t>());
    if (!expected.value("text_a_shortened", false)) {
      EXPECT_EQ(replace_bad_utf8(row.text_a), expected.at("text_a").get<std::string>());
    }
    ASSERT_EQ(row.text_b.has_value(), expected.contains("text_b"));
    EXPECT_EQ(row.text_b.value_or(""), expected.value("text_b", ""));
  }
  EXPECT_EQ(read.rows.size(), i);
}

TEST(BadData, EveryCase) {
  COSTEFF_NEED_SHARED("bad/bad.tar.xz");
  TemporaryDirectory dir;
  const std::string command =
      "tar -xJf '" + shared_path("bad/bad.tar.xz") + "' -C '" + dir.path.string() +
      "' --wildcards 'bad/data_*' 'bad/tsv_*' 'bad/csv_*' 'bad/jsonl_*' 2>/dev/null";
  (void)!std::system(command.c_str());  // fails where a pattern has no match
  int cases = 0;
  std::ifstream table(shared_path("bad/cases.tsv"));
  std::string line;
  std::getline(table, line);
  while (std::getline(table, line)) {
    const Strings cell = split(line, "\t");
    ASSERT_GE(cell.size(), 9u);
    const std::string &name = cell[0], &as = cell[3], &severity = cell[6];
    if (!std::regex_search(name, std::regex("^(data|tsv|csv|jsonl)_"))) continue;
    SCOPED_TRACE(name);
    ++cases;
    const std::string path = dir.file("bad/" + cell[2]);
    const ReadRows read = read_files({{path, {}}}, options_for(as));
    const bool decided_later =
        kLeftToTheEngine.count(name) > 0 || as.find("(eval)") != std::string::npos;
    if (decided_later) {
      EXPECT_EQ(read.error, "");
      EXPECT_FALSE(read.rows.empty());
    } else if (severity == "ok" || (severity == "either" && read.error.empty())) {
      EXPECT_EQ(read.error, "");
      const std::string expected = path.substr(0, path.rfind('/')) + "/expected.jsonl";
      check_rows(expected, read);  // no file: no rows
    } else {
      EXPECT_EQ(read.kind, ErrorKind::input);
      for (const std::string& pattern : split(cell[5], " && ")) {
        EXPECT_TRUE(std::regex_search(read.error, std::regex(pattern, std::regex::icase)))
            << pattern << " not in: " << read.error;
      }
    }
  }
  EXPECT_GE(cases, 30);
}

// The large ones, made here: bounded memory, no overflow of the stack.
TEST(BadData, LargeInputs) {
  const std::string brackets(20'000'000, '[');
  EXPECT_EQ(read_bytes("input.jsonl", brackets).error,
            "input.jsonl:1: element 1 of the JSON array is an array, expected a JSON object");
  std::string header;
  for (int i = 0; i < 3'000'000; ++i) header += "c\t";
  InputOptions options;
  options.task = &find_task("sst-2");
  EXPECT_EQ(read_bytes("input.tsv", header + "sentence\tlabel\n", options).error,
            "input.tsv:1: 3000002 columns, expected at most 65536");
  RowReader reader({{"input.txt", std::string_view("\n\n\n\n\n\n\n\n")}}, {});
  Example row;
  while (reader.next(row, true) == ReadStatus::row) EXPECT_EQ(row.text_a, "");
  EXPECT_EQ(reader.rows(), 8);
}

}  // namespace
}  // namespace costeff::tasks
