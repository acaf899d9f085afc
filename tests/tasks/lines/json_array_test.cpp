#include "tasks/lines/json_array.h"

#include <gtest/gtest.h>

#include "tasks/read_rows.h"

namespace costeff::tasks {
namespace {

TEST(JsonStart, TellsJsonFromText) {
  struct Case {
    const char* head;
    JsonStart start;
  };
  for (const Case& c : {Case{"{\"text\": \"a\"}\n", JsonStart::object},
                        {"  \t{ \"text\" : 1}", JsonStart::object},
                        {"\xEF\xBB\xBF{\"text\":1}", JsonStart::object},
                        {"{\n  \"text\": \"a\"\n}", JsonStart::object},
                        {"{\"a \\\" b\": 1}", JsonStart::object},
                        {"[{\"text\":\"a\"}]", JsonStart::array},
                        {"[\n  {\n    \"text\": \"a\"\n  }\n]", JsonStart::array},
                        {"[\"one\", \"two\"]", JsonStart::array},
                        {"[\"one\"]", JsonStart::array},
                        {"a film", JsonStart::none},
                        {"", JsonStart::none},
                        {"\n{\"text\": 1}", JsonStart::none},
                        {"{name} is here", JsonStart::none},
                        {"{\"so\" he said", JsonStart::none},
                        {"{\"so\n: 1", JsonStart::none},
                        {"{}", JsonStart::none},
                        {"[laughs] no", JsonStart::none},
                        {"[CLS] a [SEP]", JsonStart::none},
                        {"[\"Hello,\" she said]", JsonStart::none},
                        {"[1, 2]", JsonStart::none},
                        {"[]", JsonStart::none},
                        {"{\"key", JsonStart::none},
                        {"\"text\"", JsonStart::none}}) {
    EXPECT_EQ(json_start(c.head, true), c.start) << c.head;
    // More never changes what is sure.
    const std::string_view head = c.head;
    for (size_t size = 0; size < head.size(); ++size) {
      const JsonStart part = json_start(head.substr(0, size), false);
      EXPECT_TRUE(part == JsonStart::unsure || part == c.start) << head.substr(0, size);
    }
  }
  EXPECT_EQ(json_start("\n", false), JsonStart::none);  // a line typed is a row at once
  EXPECT_EQ(json_start("a", false), JsonStart::none);
}

TEST(JsonArray, RowsOfAnArray) {
  const std::string_view text =
      "\xEF\xBB\xBF [\n {\"text\": \"a [ \\\" ] }\", \"id\": 7,\n  \"x\": [[{}], null]},"
      "{\"text\":\"b\"}\n,\n{\n\"text\"\n:\"c\"}\n]\r\n ";
  for (const size_t chunk : {1, 2, 3, 5, 64, 4096}) {
    const ReadRows read = read_bytes("in.json", text, {}, chunk);
    EXPECT_EQ(read.error, "");
    EXPECT_EQ(texts(read), (Strings{"a [ \" ] }", "b", "c"}));
    EXPECT_EQ(ids(read), (Strings{"7", "2", "3"}));
    EXPECT_EQ(lines(read), (std::vector<int64_t>{2, 3, 5}));
  }
  EXPECT_EQ(read_bytes("in.json", "[]").error, "");
  EXPECT_EQ(read_bytes("in.jsonl", " [ \n ] ").error, "");
  EXPECT_EQ(texts(read_bytes("in.jsonl", "[{\"text\": \"a\"}]")), Strings{"a"});
}

TEST(JsonArray, Errors) {
  struct Case {
    const char* text;
    const char* error;
  };
  for (const Case& c : {
           Case{"[\"a\"]",
                "in.json:1: element 1 of the JSON array is a string, expected a JSON "
                "object; jq -c '.[] | {text: .}' makes JSON Lines of it"},
           {"[{\"text\":\"a\"},\n3]",
            "in.json:2: element 2 of the JSON array is no object, expected "
            "a JSON object"},
           {"[{\"text\":\"a\"},[]]",
            "in.json:1: element 2 of the JSON array is an array, expected a JSON object"},
           {"[{\"text\":\"a\"},\n]",
            "in.json:2: element 2 of the JSON array is missing after a "
            "comma, expected a JSON object"},
           {"[{\"text\":\"a\"}\n{\"text\":\"b\"}]",
            "in.json:2: not a JSON array of rows: found {, expected , or ]"},
           {"[{\"text\":\"a\"}] x",
            "in.json:1: not a JSON array of rows: found x, expected the end of the file after the "
            "array"},
           {"[{\"text\":\"a\"}\n",
            "in.json:2: the JSON array ends early, after 1 row, expected ]: "
            "the file is cut short"},
           {"[\n{\"text\":\n\"a",
            "in.json:2: the JSON array ends early, after 0 rows, expected ]: "
            "the file is cut short"},
           {"[\n{\"text\":\n 'a'}]",
            "in.json:3: not valid JSON: found ', expected a value (column 2)"},
           {"[\n{\"x\": 1}]",
            "in.json:2: no field has a usual name (text, sentence, ...), the row "
            "has \"x\"; say --text-field NAME"},
       }) {
    EXPECT_EQ(read_bytes("in.json", c.text).error, c.error) << c.text;
    EXPECT_EQ(read_bytes("in.json", c.text, {}, 1).error, c.error) << c.text;
  }
}

TEST(JsonArray, ElementsAreBounded) {
  const std::string big = "[{\"text\": \"" + std::string((64u << 20) + 1, 'x') + "\"}]";
  EXPECT_EQ(read_bytes("in.json", big).error,
            "in.json:1: element 1 of the JSON array is longer than 64 MiB");
}

// An array on one line, larger than a line may be.
TEST(JsonArray, IsNotHeld) {
  std::string big = "[";
  const std::string row = "{\"text\": \"" + std::string(1 << 20, 'x') + "\"},";
  for (int i = 0; i < 70; ++i) big += row;
  big.back() = ']';
  RowReader reader({{"in.json", big}}, {});
  Example example;
  while (reader.next(example, true) == ReadStatus::row) EXPECT_EQ(example.text_a.size(), 1u << 20);
  EXPECT_EQ(reader.rows(), 70);
}

// Plain text was expected: what begins as JSON is read so, and said.
TEST(JsonArray, InsteadOfText) {
  struct Case {
    const char* path;
    const char* text;
    Strings rows;
    bool said;
  };
  const Case cases[] = {
      {"app.log", "{\"text\": \"a\"}\n{\"text\": \"b\"}\n", {"a", "b"}, true},
      {"data", "{\"sentence\": \"a\", \"label\": 1}\n", {"a"}, true},
      {"in.dat", "[\n{\"text\": \"a\"}\n]", {"a"}, true},
      {"in.txt.gz", "{\"text\": \"a\"}\n", {"a"}, true},
      {"in.txt", "{a}\n", {"{a}"}, false},
      {"in.jsonl", "{\"text\": \"a\"}\n", {"a"}, false},
      {"in.txt", "a\n{\"text\": \"b\"}\n", {"a", "{\"text\": \"b\"}"}, false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    for (const size_t chunk : {1, 4096}) {
      Strings said;
      InputOptions options;
      options.say = [&](const std::string& text) { said.push_back(text); };
      const ReadRows read = read_bytes(c.path, c.text, options, chunk);
      EXPECT_EQ(read.error, "");
      EXPECT_EQ(texts(read), c.rows);
      ASSERT_EQ(said.size(), c.said ? 1u : 0u);
      EXPECT_TRUE(!c.said || said[0].starts_with(std::string(c.path) + ": "));
    }
  }
  InputOptions options;
  options.format = InputFormat::text;  // asked for
  EXPECT_EQ(texts(read_bytes("x", "{\"text\": \"a\"}", options)), Strings{"{\"text\": \"a\"}"});
  // Labels are in tables, and a task's rows too.
  options = {};
  options.want_gold = options.is_table = true;
  EXPECT_EQ(texts(read_bytes("x", "{\"text\": \"a\", \"label\": 1}", options)), Strings{"a"});
  options = {};
  options.task = &find_task("mrpc");
  EXPECT_EQ(texts(read_bytes("x", "{\"sentence1\": \"a\", \"sentence2\": \"b\"}", options)),
            Strings{"a|b"});
  options = {};
  options.text_field = "q";
  EXPECT_EQ(texts(read_bytes("x", "{\"q\": \"a\"}", options)), Strings{"a"});
  // A table that holds JSON is no table.
  EXPECT_EQ(read_bytes("in.csv", "{\"text\": \"a\"}").error,
            "in.csv: holds JSON, expected CSV; say --input-format jsonl");
  EXPECT_EQ(read_bytes("in.tsv", "[{\"text\": \"a\"}]").error,
            "in.tsv: holds JSON, expected TSV; say --input-format jsonl");
}

}  // namespace
}  // namespace costeff::tasks
