#include "tasks/write/bad_rows.h"

#include <gtest/gtest.h>

#include "base/json/json.h"
#include "tasks/read_rows.h"

namespace costeff::tasks {
namespace {

// A file with good rows around the bad ones: what is read with and without skipping them.
struct BadCase {
  const char* name;  // of the file: its extension is the format
  const char* bytes;
  Strings ids;        // "1": a good row; "!": a bad one, in the order of the file
  Strings texts;      // of the good rows
  int64_t line;       // of the first bad row
  const char* error;  // of it, after "file:line: "
  const char* raw;    // of it
};

const BadCase kBadCases[] = {
    {"few.tsv",
     "sentence\tlabel\na\t0\nb\nc\t1\n",
     {"1", "!", "3"},
     {"a", "c"},
     3,
     "1 column, expected 2",
     "b"},
    {"many.tsv",
     "sentence\tlabel\na\t0\tx\nc\t1\n",
     {"!", "2"},
     {"c"},
     2,
     "3 columns, expected 2",
     "a\t0\tx"},
    {"few.csv",
     "sentence,label\n\"a\nb\",0\n\"c\nd\"\ne,1\n",
     {"1", "!", "3"},
     {"a\nb", "e"},
     4,
     "1 column, expected 2 (of lines 4 to 5)",
     "\"c\nd\""},
    {"quote.csv",
     "sentence,label\na,0\n\"b\"x,1\nc,1\n",
     {"1", "!", "3"},
     {"a", "c"},
     3,
     "text after a closing quote, expected a comma or the end of the line",
     "\"b\"x,1"},
    {"empty.tsv",
     "sentence\tlabel\na\t0\n\nc\t1\n",
     {"1", "!", "3"},
     {"a", "c"},
     3,
     "empty line, expected 2 columns",
     ""},
    // Which of the quotes is wrong nobody knows: no line of the record is a row.
    {"quote-lines.csv",
     "sentence,label\na,0\n\"b,1\nc\"d,1\ne,1\n",
     {"1", "!", "3"},
     {"a", "e"},
     3,
     nullptr,
     "\"b,1\nc\"d,1"},
    {"cut.jsonl",
     "{\"text\":\"a\"}\n{\"text\":\"b\"\n{\"text\":\"c\"}\n",
     {"1", "!", "3"},
     {"a", "c"},
     2,
     nullptr,
     "{\"text\":\"b\""},
    {"no-object.jsonl",
     "3\n{\"text\":\"c\"}\n",
     {"!", "2"},
     {"c"},
     1,
     "is 3, expected a JSON object",
     "3"},
    {"no-field.jsonl",
     "{\"text\":\"a\"}\n{\"txt\":\"b\"}\n{\"text\":\"c\"}\n",
     {"1", "!", "3"},
     {"a", "c"},
     2,
     nullptr,
     "{\"txt\":\"b\"}"},
    {"type.jsonl",
     "{\"text\":\"a\"}\n{\"text\":[\"b\"]}\n{\"text\":\"c\"}\n",
     {"1", "!", "3"},
     {"a", "c"},
     2,
     "field \"text\" is an array, expected a string",
     "{\"text\":[\"b\"]}"},
    {"id.jsonl",
     "{\"id\":\"x\",\"text\":\"a\"}\n{\"id\":{},\"text\":\"b\"}\n{\"text\":\"c\"}\n",
     {"\"x", "!", "3"},
     {"a", "c"},
     2,
     "field \"id\" is an object, expected a string or a number",
     "{\"id\":{},\"text\":\"b\"}"},
    {"token-ids.jsonl",
     "{\"text\":\"a\"}\n{\"input_ids\":[1,-2]}\n{\"text\":\"c\"}\n",
     {"1", "!", "3"},
     {"a", "c"},
     2,
     "input_ids holds -2, expected integers from 0 to 2147483647",
     "{\"input_ids\":[1,-2]}"},
    {"utf8.jsonl",
     "{\"text\":\"a\"}\n{\"text\":\"\xFF\"}\n",
     {"1", "!"},
     {"a"},
     2,
     "not valid JSON: field \"text\" holds bytes that are not UTF-8",
     "{\"text\":\"\xFF\"}"},
};

TEST(BadRows, AreGivenWithTheirErrorWhereTheyAreSkipped) {
  for (const BadCase& c : kBadCases) {
    SCOPED_TRACE(c.name);
    const ReadRows failing = read_bytes(c.name, c.bytes);
    EXPECT_EQ(failing.kind, ErrorKind::input);
    EXPECT_NE(failing.error, "");

    InputOptions options;
    options.skip_bad_rows = options.keep_raw = true;
    const ReadRows read = read_bytes(c.name, c.bytes, options);
    EXPECT_EQ(read.error, "");
    Strings ids, good;
    const Example* bad = nullptr;
    for (const Example& row : read.rows) {
      ids.push_back(row.error.empty() ? row.id : "!");
      if (row.error.empty()) good.push_back(row.text_a);
      if (!row.error.empty() && !bad) bad = &row;
    }
    EXPECT_EQ(ids, c.ids);
    EXPECT_EQ(good, c.texts);
    ASSERT_NE(bad, nullptr);
    EXPECT_EQ(bad->line, c.line);
    EXPECT_EQ(bad->raw, c.raw);
    EXPECT_TRUE(bad->text_a.empty() && !bad->text_b && bad->kept.empty() && !bad->has_ids);
    if (c.error) {
      EXPECT_EQ(bad->error, c.name + (":" + std::to_string(c.line) + ": ") + c.error);
    }
    // The words are those that would have ended the run.
    EXPECT_EQ(bad->error.substr(0, failing.error.size()), failing.error);
  }
}

TEST(BadRows, SayWhichLinesAreLostWithThem) {
  InputOptions options;
  options.skip_bad_rows = true;
  const ReadRows read = read_bytes("a.csv", "sentence,label\n\"b,1\nc\"d,1\ne,1\n", options);
  EXPECT_EQ(read.rows.at(0).error,
            "a.csv:3: text after a closing quote, expected a comma or the end of the line "
            "(of lines 2 to 3)");
  EXPECT_EQ(read.rows.at(0).raw, "");  // not asked for
}

// What is wrong with a file as a whole is no bad row: nothing of it could be trusted.
TEST(BadRows, FilesThatCannotBeReadEndTheRun) {
  const struct {
    const char *name, *bytes, *text_field, *error;
  } cases[] = {
      {"a.tsv", "", "", "a.tsv: is empty, expected a header or rows of columns"},
      {"a.tsv", "x\ty\n1\t2\n", "sentence",
       "a.tsv:1: no column \"sentence\", the header has \"x\", \"y\""},
      {"a.csv", "sentence,n\na,1\n\"b,2\nc,3\n", "",
       "a.csv:3: a quote opens a field here and the file ends before it is closed"},
      {"a.csv", "\"sentence\"x,n\na,1\n", "",
       "a.csv:1: text after a closing quote, expected a comma or the end of the line"},
  };
  for (const auto& c : cases) {
    InputOptions options;
    options.skip_bad_rows = true;
    options.text_field = c.text_field;
    EXPECT_EQ(read_bytes(c.name, c.bytes, options).error, c.error);
  }
}

TEST(BadRows, CountForTheNumbersOfRows) {
  InputOptions options;
  options.skip_bad_rows = true;
  const ReadRows read =
      read_files({{"a.jsonl", "{\n{\"text\":\"a\"}\n"}, {"b.tsv", "text\tn\nb\nc\t1\n"}}, options);
  EXPECT_EQ(ids(read), (Strings{"1", "2", "3", "4"}));
  EXPECT_EQ(lines(read), (std::vector<int64_t>{1, 2, 2, 3}));
}

TEST(BadRows, FileIsJsonl) {
  const TemporaryDirectory dir;
  const std::string path = dir.file("bad.jsonl");
  BadRows bad(path);
  Example row;
  row.source = "a \"b\".tsv";
  row.line = 7;
  row.raw = "x\ty\xFF";
  EXPECT_EQ(bad.add(row, "a \"b\".tsv:7: 2 columns, expected 3"), WriteStatus::ok);
  QaExample question;
  question.place = "dev.json: data[0]";
  question.raw = "why?";
  EXPECT_EQ(bad.add(question, "dev.json: data[0]: no room"), WriteStatus::ok);
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(bad.commit(), WriteStatus::ok);
  EXPECT_EQ(slurp(path),
            "{\"source\":\"a \\\"b\\\".tsv\",\"line\":7,\"reason\":\"2 columns, expected 3\","
            "\"text\":\"x\\ty\xEF\xBF\xBD\"}\n"
            "{\"source\":\"dev.json: data[0]\",\"line\":null,\"reason\":\"no room\","
            "\"text\":\"why?\"}\n");
  EXPECT_EQ(bad.count(), 2);
  EXPECT_EQ(bad.first(), "a \"b\".tsv:7: 2 columns, expected 3");
}

// More than the buffer holds; and a file without rows.
TEST(BadRows, FileHasAllOfThem) {
  const TemporaryDirectory dir;
  BadRows many(dir.file("many")), none(dir.file("none"));
  Example row;
  row.raw = std::string(1000, 'x');
  for (row.line = 1; row.line <= 500; ++row.line) many.add(row, "wrong");
  many.commit();
  none.commit();
  const std::string text = slurp(dir.file("many"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 500);
  EXPECT_NE(text.find("\"line\":500,"), std::string::npos);
  EXPECT_EQ(slurp(dir.file("none")), "");
  EXPECT_TRUE(std::filesystem::exists(dir.file("none")));
}

}  // namespace
}  // namespace costeff::tasks
