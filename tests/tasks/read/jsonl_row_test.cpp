#include "tasks/read/jsonl_row.h"

#include <costeff/error.h>
#include <gtest/gtest.h>

#include "tasks/read_rows.h"

namespace costeff::tasks {
namespace {

// What a row reads as: "a=... b=... ids=... types=... id=...", or the error.
std::string row_text(std::string_view line, const InputOptions& options = {}) {
  JsonlRows rows(options);
  Example row;
  row.text_a = "stale";
  row.text_b = "stale";
  row.input_ids = {9, 9};
  row.token_type_ids = {9};
  row.has_ids = true;
  row.id = "stale";
  try {
    rows.parse("{\"text\": \"before\", \"text_b\": \"x\", \"input_ids\": [1], \"id\": 5}", "x", 1,
               &row);
  } catch (const Error&) {  // not a row under these options: it still must leave no trace
  }
  try {
    rows.parse(line, "dev.jsonl", 2, &row);
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::input);
    return e.what();
  }
  std::string out;
  if (row.has_ids) {
    EXPECT_EQ(row.text_a, "");
    out = "ids=";
    for (int32_t id : row.input_ids) out += std::to_string(id) + ",";
    out += " types=";
    for (int32_t type : row.token_type_ids) out += std::to_string(type) + ",";
  } else {
    EXPECT_TRUE(row.input_ids.empty() && row.token_type_ids.empty());
    out = "a=" + row.text_a;
  }
  if (row.text_b) out += " b=" + *row.text_b;
  return out + " id=" + row.id;
}

InputOptions text_fields(const std::string& text, const std::string& pair = "") {
  InputOptions options;
  options.text_field = text;
  options.pair_field = pair;
  return options;
}

TEST(JsonlRow, Texts) {
  EXPECT_EQ(row_text(R"({"text": "a \"b\" \u00e9\ud83d\ude00"})"),
            "a=a \"b\" \xC3\xA9\xF0\x9F\x98\x80 id=");
  EXPECT_EQ(row_text(R"({"text_a": "x", "text_b": "y"})"), "a=x b=y id=");
  EXPECT_EQ(row_text(R"({"text_a": "x", "text_b": null})"), "a=x id=");
  EXPECT_EQ(row_text(R"({"text_a": "x"})"), "a=x id=");
  EXPECT_EQ(row_text(R"({"text_a": "", "text_b": ""})"), "a= b= id=");
  EXPECT_EQ(row_text(R"({"text": "x", "other": {"text": "no", "deep": [[1, {"text": 2}]]}})"),
            "a=x id=");
  EXPECT_EQ(row_text(R"({"text": null, "text_a": "x"})"), "a=x id=");
  EXPECT_EQ(row_text(R"({"text": "nul \u0000 in"})"), std::string("a=nul \0 in id=", 14));
}

TEST(JsonlRow, FieldsByName) {
  EXPECT_EQ(row_text(R"({"q": "x", "a": "y", "text": 1})", text_fields("q", "a")), "a=x b=y id=");
  EXPECT_EQ(row_text(R"({"q": "x", "a": null})", text_fields("q", "a")), "a=x id=");
  EXPECT_EQ(row_text(R"({"q": "x", "text_b": "y", "input_ids": [1]})", text_fields("q")),
            "a=x id=");
  EXPECT_EQ(row_text(R"({"text": "x", "p": "y"})", text_fields("", "p")), "a=x b=y id=");
  EXPECT_EQ(row_text(R"({"text": "x"})", text_fields("q")),
            "dev.jsonl:2: no field \"q\", the row has \"text\"");
  EXPECT_EQ(row_text("{}", text_fields("q")), "dev.jsonl:2: no field \"q\", the row has none");
  EXPECT_EQ(row_text(R"({"q": "x", "a": 1})", text_fields("q", "a")),
            "dev.jsonl:2: field \"a\" is 1, expected a string");
}

TEST(JsonlRow, WrongTexts) {
  EXPECT_EQ(row_text(R"({"review": "fun", "data": {"stars": 5, "x": {}}})"),
            "dev.jsonl:2: no field has a usual name (text, sentence, ...), the row has \"review\", "
            "\"data.stars\", \"data.x\"; say --text-field NAME");
  EXPECT_EQ(row_text(R"({"text": 42})"), "dev.jsonl:2: field \"text\" is 42, expected a string");
  EXPECT_EQ(row_text(R"({"text": true})"),
            "dev.jsonl:2: field \"text\" is true, expected a string");
  EXPECT_EQ(row_text(R"({"text": ["a"]})"),
            "dev.jsonl:2: field \"text\" is an array, expected a string");
  EXPECT_EQ(row_text(R"({"text": {}})"),
            "dev.jsonl:2: field \"text\" is an object, expected a string");
  EXPECT_EQ(row_text(R"({"text": "a", "text": "b"})"), "dev.jsonl:2: field \"text\" comes twice");
  EXPECT_EQ(row_text(R"({"text_a": "a", "text_b": 1.50})"),
            "dev.jsonl:2: field \"text_b\" is 1.50, expected a string");
}

TEST(JsonlRow, NotAnObject) {
  EXPECT_EQ(row_text("[\"fun\"]"), "dev.jsonl:2: is an array, expected a JSON object");
  EXPECT_EQ(row_text("\"fun\""), "dev.jsonl:2: is \"fun\", expected a JSON object");
  EXPECT_EQ(row_text("42"), "dev.jsonl:2: is 42, expected a JSON object");
  EXPECT_EQ(row_text("null"), "dev.jsonl:2: is null, expected a JSON object");
}

TEST(JsonlRow, NotJson) {
  for (std::string_view bad :
       {"{\"text\": \"the worst", "{\"text\": \"a\"} x", "{'text': 1}", "{\"text\": \"a\",}", "{",
        "text", "{\"text\": \"\\ud800\"}", "{\"text\": \"a\tb\"}", "{\"text\": nan}",
        "{\"text\": \"a\", \"x\": 01}"}) {
    EXPECT_EQ(row_text(bad).substr(0, 28), "dev.jsonl:2: not valid JSON:") << bad;
  }
  EXPECT_EQ(row_text("{\"text\": \"bad \xFF byte\"}"),
            "dev.jsonl:2: not valid JSON: field \"text\" holds bytes that are not UTF-8");
  EXPECT_EQ(row_text("{\"text\": \"a\", \"x\":\n tru}"),
            "dev.jsonl:3: not valid JSON: tru, expected a value (column 5)");
  EXPECT_EQ(row_text("{"),
            "dev.jsonl:2: not valid JSON: it ends early, expected a key in quotes; an object of "
            "several lines is put on one by jq -c . (column 2)");
  // A NUL after the object would hide what follows it.
  EXPECT_EQ(row_text(std::string_view("{\"text\": \"a\"}\0junk", 18)),
            "dev.jsonl:2: not valid JSON: holds a NUL byte");
}

TEST(JsonlRow, Nesting) {
  const auto nested = [](int n) {
    return "{\"text\": \"fun\", \"x\": " + std::string(n, '[') + std::string(n, ']') + "}";
  };
  EXPECT_EQ(row_text(nested(999)), "a=fun id=");
  const std::string deep = "dev.jsonl:2: JSON nested deeper than 1000 levels (column 1021)";
  EXPECT_EQ(row_text(nested(1000)), deep);
  EXPECT_EQ(row_text(nested(1'000'000)), deep);
  EXPECT_EQ(row_text(std::string(1'000'000, '[')),
            "dev.jsonl:2: is an array, expected a JSON object");
}

// The usual names of TSV and CSV columns.
TEST(JsonlRow, UsualNames) {
  struct Case {
    const char* json;
    const char* row;
  };
  for (const Case& c : {
           Case{R"({"sentence": "x", "label": 1, "idx": 0})", "a=x id="},
           {R"({"sentence1": "x", "sentence2": "y"})", "a=x b=y id="},
           {R"({"question1": "x", "question2": "y"})", "a=x b=y id="},
           {R"({"question": "x", "sentence": "y"})", "a=x b=y id="},
           {R"({"hypothesis": "y", "premise": "x"})", "a=x b=y id="},
           {R"({"#1 String": "x", "#2 String": "y"})", "a=x b=y id="},
           {R"({"text": "x", "sentence": "y"})", "a=x id="},
           {R"({"text_a": "x", "text_b": "y", "sentence": "z"})", "a=x b=y id="},
           {R"({"sentence1": "x", "sentence2": "y", "sentence": "z"})", "a=x b=y id="},
           {R"({"sentence1": "x", "sentence": "z"})", "a=z id="},
           {R"({"sentence1": "x", "sentence2": 3})",
            "dev.jsonl:2: field \"sentence2\" is 3, expected a string"},
           {R"({"sentence1": "x"})",
            "dev.jsonl:2: no field has a usual name (text, sentence, ...), the row has "
            "\"sentence1\"; say --text-field NAME"},
       }) {
    EXPECT_EQ(row_text(c.json), c.row) << c.json;
  }
}

// One document with the rows in a list.
TEST(JsonlRow, RowsInsideOfARow) {
  const std::string cure =
      "; if the rows are in \"data\", jq -c '.[\"data\"][]' makes JSON Lines of them";
  EXPECT_EQ(
      row_text(R"({"version": 1, "tags": [1], "data": [{"text": "x"}, [2]], "n": [{}]})"),
      "dev.jsonl:2: no field has a usual name (text, sentence, ...), the row has \"version\", "
      "\"tags\", \"data\", \"n\"" +
          cure + "; say --text-field NAME");
  EXPECT_EQ(row_text(R"({"data": [{}]})", text_fields("q")),
            "dev.jsonl:2: no field \"q\", the row has \"data\"" + cure);
}

// Null is no text that was forgotten, but one that is empty; unless it was asked for by name.
TEST(JsonlRow, NullTexts) {
  InputOptions mrpc, sst;
  mrpc.task = &find_task("mrpc");
  sst.task = &find_task("sst-2");
  EXPECT_EQ(row_text(R"({"text": null})"), "a= id=");
  EXPECT_EQ(row_text(R"({"text_a": null, "text_b": "y"})"), "a= b=y id=");
  EXPECT_EQ(row_text(R"({"sentence": null, "label": 1})"), "a= id=");
  EXPECT_EQ(row_text(R"({"sentence": null})", sst), "a= id=");
  EXPECT_EQ(row_text(R"({"sentence1": null, "sentence2": null})", mrpc), "a= b= id=");
  EXPECT_EQ(row_text(R"({"premise": "x", "hypothesis": null})"), "a=x b= id=");
  EXPECT_EQ(row_text(R"({"text": null, "sentence": "x"})"), "a=x id=");
  EXPECT_EQ(row_text(R"({"q": null})", text_fields("q")),
            "dev.jsonl:2: field \"q\" is null, expected a string");
}

TEST(JsonlRow, NestedFields) {
  struct Case {
    const char* json;
    const char* row;
  };
  for (const Case& c : {
           Case{R"({"data": {"text": "x"}})", "a=x id="},
           {R"({"data": {"other": [{"text": "no"}], "text": "x", "more": {"text": "no"}}})",
            "a=x id="},
           {R"({"data": {"text": "x"}, "data.text": "y"})", "a=y id="},
           {R"({"data.text": "y", "data": {"text": "x"}})", "a=y id="},
           {R"({"text": "no", "data": {"data": {"text": "no"}, "text": "x"}})", "a=x id="},
           {R"({"data": {"text": "x"}, "data": {"text": "y"}})",
            "dev.jsonl:2: field \"data.text\" comes twice"},
           {R"({"data": [["text", "x"]]})",
            "dev.jsonl:2: no field \"data.text\", the row has \"data\""},
           {R"({"data": null})", "dev.jsonl:2: no field \"data.text\", the row has \"data\""},
           {R"({"data": {"text": 5}})", "dev.jsonl:2: field \"data.text\" is 5, expected a string"},
           {R"({"": {"data": {"text": "no"}}, "data": {"text": "x"}})", "a=x id="},
       }) {
    EXPECT_EQ(row_text(c.json, text_fields("data.text")), c.row) << c.json;
  }
  EXPECT_EQ(
      row_text(R"({"a": {"b": {"c": "x"}, "b.c": "y", "d": "z"}})", text_fields("a.b.c", "a.d")),
      "a=y b=z id=");
  InputOptions options = text_fields("doc.body");
  options.id_field = "doc.meta.id";
  options.want_gold = true;
  options.label_field = "doc.label";
  JsonlRows rows(options);
  Example row;
  rows.parse(R"({"doc": {"label": 1, "meta": {"id": "k"}, "body": "x"}})", "x", 1, &row);
  EXPECT_EQ(row.text_a + "|" + row.id + "|" + row.gold, "x|\"k|1");
}

// What Python's json writes and reads does no harm where nobody asks for it.
TEST(JsonlRow, ValuesNobodyAskedFor) {
  for (const std::string value :
       {"NaN", "Infinity", "-Infinity", "[NaN, {\"a\": -Infinity}]", "1e999", "-1E-999", "-0",
        "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\ud800\\n\"", "\"\\udc00x\"", "{\"\\udfff\": 1}",
        "\"\\ud83d\\ude00\"", "\"\xFF\"", "{\"k\": 1, \"k\": 2}", "{\"text\": 1}"}) {
    EXPECT_EQ(row_text("{\"x\": " + value + ", \"text\": \"a\", \"x\": " + value + "}"), "a=a id=")
        << value;
    // Names that could hold the text, but need not: the text is there.
    EXPECT_EQ(row_text("{\"sentence\": " + value + ", \"text\": \"a\", \"sentence\": 1}"),
              "a=a id=")
        << value;
  }
  EXPECT_EQ(row_text("{\"x\": " + std::string(100'000, '9') + ", \"text\": \"a\"}"), "a=a id=");
  // ... and is refused where it is asked for.
  EXPECT_EQ(row_text(R"({"text": NaN})"), "dev.jsonl:2: field \"text\" is NaN, expected a string");
  EXPECT_EQ(row_text(R"({"text": "a\udc00"})"),
            "dev.jsonl:2: not valid JSON: field \"text\" holds half of a surrogate pair");
  EXPECT_EQ(row_text(R"({"text": "a", "id": Infinity})"),
            "dev.jsonl:2: field \"id\" is Infinity, expected a string or a number");
  EXPECT_EQ(row_text(R"({"text": "a", "id": "\ud800"})"),
            "dev.jsonl:2: not valid JSON: field \"id\" holds half of a surrogate pair");
  EXPECT_EQ(row_text(R"({"input_ids": [1, NaN]})"),
            "dev.jsonl:2: input_ids holds NaN, expected integers");
  InputOptions options;
  options.want_gold = true;
  EXPECT_EQ(row_text(R"({"text": "a", "label": -Infinity})", options),
            "dev.jsonl:2: field \"label\" is -Infinity, expected a label: a string, a number or a "
            "list of them");
  EXPECT_EQ(row_text(R"({"text": "a", "label": 1, "label": 0})", options),
            "dev.jsonl:2: field \"label\" comes twice");
}

TEST(JsonlRow, TokenIds) {
  EXPECT_EQ(row_text(R"({"input_ids": [2, 60, 3], "token_type_ids": [0, 0, 1]})"),
            "ids=2,60,3, types=0,0,1, id=");
  EXPECT_EQ(row_text(R"({"text": "x", "text_b": "y", "input_ids": [2147483647]})"),
            "ids=2147483647, types= id=");
  EXPECT_EQ(row_text(R"({"text": "x", "input_ids": null})"), "a=x id=");
  EXPECT_EQ(row_text(R"({"text": "x", "input_ids": [1]})", text_fields("text")), "a=x id=");
  EXPECT_EQ(row_text(R"({"text": "x", "input_ids": [1], "token_type_ids": null})",
                     text_fields("input_ids")),
            "ids=1, types= id=");
  EXPECT_EQ(row_text(R"({"text": "x"})", text_fields("input_ids")),
            "dev.jsonl:2: field \"input_ids\" is absent, expected a list of token ids");
}

TEST(JsonlRow, WrongTokenIds) {
  const std::string range = ", expected integers from 0 to 2147483647";
  EXPECT_EQ(row_text(R"({"input_ids": [2, -1, 3]})"), "dev.jsonl:2: input_ids holds -1" + range);
  EXPECT_EQ(row_text(R"({"input_ids": [2147483648]})"),
            "dev.jsonl:2: input_ids holds 2147483648" + range);
  EXPECT_EQ(row_text(R"({"input_ids": [18446744073709551615]})"),
            "dev.jsonl:2: input_ids holds 18446744073709551615, expected integers");
  EXPECT_EQ(row_text(R"({"input_ids": [1.0]})"),
            "dev.jsonl:2: input_ids holds 1.0, expected integers");
  EXPECT_EQ(row_text(R"({"input_ids": ["1"]})"),
            "dev.jsonl:2: input_ids holds \"1\", expected integers");
  EXPECT_EQ(row_text(R"({"input_ids": [[1]]})"),
            "dev.jsonl:2: input_ids holds an array, expected integers");
  EXPECT_EQ(row_text(R"({"input_ids": [{}]})"),
            "dev.jsonl:2: input_ids holds an object, expected integers");
  EXPECT_EQ(row_text(R"({"input_ids": []})"),
            "dev.jsonl:2: input_ids is empty, expected at least one id");
  EXPECT_EQ(row_text(R"({"input_ids": 7})"),
            "dev.jsonl:2: field \"input_ids\" is 7, expected a list of token ids");
  EXPECT_EQ(row_text(R"({"input_ids": [2, 60, 3], "token_type_ids": [0, 0]})"),
            "dev.jsonl:2: token_type_ids has 2 numbers, input_ids 3");
  EXPECT_EQ(row_text(R"({"input_ids": [2], "token_type_ids": [-1]})"),
            "dev.jsonl:2: token_type_ids holds -1" + range);
  EXPECT_EQ(row_text(R"({"input_ids": [2], "token_type_ids": 0})"),
            "dev.jsonl:2: field \"token_type_ids\" is 0, expected a list of token types");
  std::string many = "{\"input_ids\": [1";
  for (int i = 0; i < (1 << 20); ++i) many += ",1";
  EXPECT_EQ(row_text(many + "]}"), "dev.jsonl:2: input_ids has more than 1048576 numbers");
}

TEST(JsonlRow, Ids) {
  EXPECT_EQ(row_text(R"({"id": "a\tb", "text": "x"})"), "a=x id=\"a\tb");
  EXPECT_EQ(row_text(R"({"id": "", "text": "x"})"), "a=x id=\"");
  EXPECT_EQ(row_text(R"({"id": 17, "text": "x"})"), "a=x id=17");
  EXPECT_EQ(row_text(R"({"id": -3, "text": "x"})"), "a=x id=-3");
  EXPECT_EQ(row_text(R"({"id": 1.50e3, "text": "x"})"), "a=x id=1.50e3");
  EXPECT_EQ(row_text(R"({"id": 123456789012345678901234567890, "text": "x"})"),
            "a=x id=123456789012345678901234567890");
  EXPECT_EQ(row_text(R"({"id": null, "text": "x"})"), "a=x id=");
  EXPECT_EQ(row_text(R"({"id": [1], "text": "x"})"),
            "dev.jsonl:2: field \"id\" is an array, expected a string or a number");
  InputOptions options;
  options.id_field = "key";
  EXPECT_EQ(row_text(R"({"id": 1, "key": "k", "text": "x"})", options), "a=x id=\"k");
  EXPECT_EQ(row_text(R"({"id": 1, "text": "x"})", options),
            "dev.jsonl:2: field \"key\" is absent, expected a string or a number");
  options.id_field = "";
  EXPECT_EQ(row_text(R"({"id": 1, "text": "x"})", options), "a=x id=");
}

TEST(JsonlRow, Task) {
  InputOptions options;
  options.task = &find_task("mrpc");
  EXPECT_EQ(row_text(R"({"sentence1": "x", "sentence2": "y"})", options), "a=x b=y id=");
  EXPECT_EQ(row_text(R"({"sentence1": "x"})", options),
            "dev.jsonl:2: field \"sentence2\" is absent, expected a string");
  EXPECT_EQ(row_text(R"({"text_a": "x", "text_b": null})", options), "a=x id=");
}

}  // namespace
}  // namespace costeff::tasks
