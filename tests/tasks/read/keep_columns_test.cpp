#include "tasks/read/keep_columns.h"

#include <gtest/gtest.h>

#include "tasks/read_rows.h"
#include "tasks/write/qa_writer.h"
#include "tasks/write/writer.h"

namespace costeff::tasks {
namespace {

TEST(KeepColumns, Names) {
  const auto columns = parse_kept_columns("a,b c=d,3=x=y", is_output_name);
  Strings fields, names;
  for (const KeptColumn& c : columns) {
    fields.push_back(c.field);
    names.push_back(c.name);
  }
  EXPECT_EQ(fields, (Strings{"a", "b c", "3"}));
  EXPECT_EQ(names, (Strings{"a", "d", "x=y"}));
  EXPECT_EQ(output_names(columns), names);
}

std::string keep_error(const char* text, bool (*is_taken)(std::string_view)) {
  try {
    parse_kept_columns(text, is_taken);
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::usage);
    return e.what();
  }
  return "";
}

TEST(KeepColumns, NamesThatCannotBe) {
  const char* empty = " has an empty name, expected COLUMN or COLUMN=NAME, separated by commas";
  for (const char* text : {"", "a,", ",a", "a,,b", "=b", "a="}) {
    EXPECT_EQ(keep_error(text, is_output_name), "--keep: \"" + std::string(text) + "\"" + empty);
  }
  for (const char* name : {"id", "label", "prob", "entropy", "exit_layer", "label_id", "top",
                           "exits", "value", "label_2", "prob_13"}) {
    EXPECT_EQ(keep_error(name, is_output_name),
              "--keep: \"" + std::string(name) +
                  "\" is a column of the output already; give it another name: " + name + "=NAME");
  }
  EXPECT_EQ(keep_error("x=label", is_output_name),
            "--keep: \"label\" is a column of the output already; give it another name: x=NAME");
  EXPECT_EQ(keep_error("a,b=a", is_output_name),
            "--keep: \"a\" is there twice; give it another name: b=NAME");
  for (const char* name : {"Label", "label_", "label_x", "prob2", "answer", "gold"}) {
    EXPECT_EQ(keep_error(name, is_output_name), "") << name;
  }
  for (const char* name : {"id", "answer", "start", "end", "score", "null_odds", "nbest"}) {
    EXPECT_NE(keep_error(name, is_qa_output_name), "") << name;
  }
  EXPECT_EQ(keep_error("label,question", is_qa_output_name), "");
}

Strings kept_of(const char* name, const std::string& bytes, const Strings& fields) {
  InputOptions options;
  for (const std::string& field : fields) options.keep.push_back({field, field});
  const ReadRows read = read_bytes(name, bytes, options);
  EXPECT_EQ(read.error, "");
  return read.rows.empty() ? Strings() : read.rows.back().kept;
}

// In the form of row_id.h: a string begins with a quote, JSON is as it is written, null is empty.
TEST(KeepColumns, Values) {
  EXPECT_EQ(kept_of("a.tsv", "text\tx\ty\na\t\"1\"\t\n", {"y", "x"}), (Strings{"\"", "\"\"1\""}));
  EXPECT_EQ(kept_of("a.tsv", "text\tx\na\tb\n", {"2", "1"}), (Strings{"\"b", "\"a"}));
  EXPECT_EQ(kept_of("a.csv", "text,x\na,\"b,\n\"\"c\"\"\"\n", {"x"}), (Strings{"\"b,\n\"c\""}));
  const struct {
    const char *json, *kept;
  } values[] = {
      {"1.0", "1.0"},
      {"-1e300", "-1e300"},
      {"12345678901234567890123", "12345678901234567890123"},
      {"true", "true"},
      {"null", ""},
      {"\"\"", "\""},
      {"\"a\\u00e9\\n\\\"\\/\"", "\"a\xC3\xA9\n\"/"},
      {"\"\\ud83d\\ude00\"", "\"\xF0\x9F\x98\x80"},
      {"[ 1, { \"a b\" : [ ] } ]", "[1,{\"a b\":[]}]"},
      {"{\"text\": \"} ]\\\\\", \"x\": 2}", "{\"text\":\"} ]\\\\\",\"x\":2}"},
  };
  for (const auto& v : values) {
    EXPECT_EQ(kept_of("a.jsonl", std::string("{\"x\" : ") + v.json + " ,\"text\":\"t\"}\n", {"x"}),
              (Strings{v.kept}));
    EXPECT_EQ(kept_of("a.jsonl", std::string("{\"text\":\"t\",\"x\":") + v.json + "}\n", {"x"}),
              (Strings{v.kept}));
  }
  // Down into objects; a key spelled like the whole name goes first.
  const std::string nested =
      "{\"text\":\"t\",\"a\":{\"b\":{\"c\":1},\"b.c\":2},\"x.y\":3,\"x\":{}}\n";
  EXPECT_EQ(kept_of("a.jsonl", nested, {"a.b.c", "x.y", "a.b"}), (Strings{"2", "3", "{\"c\":1}"}));
  // A later row may leave a field out.
  EXPECT_EQ(kept_of("a.jsonl", "{\"text\":\"t\",\"x\":1}\n{\"text\":\"t\"}\n", {"x"}),
            (Strings{""}));
}

TEST(KeepColumns, ThatAreNotThere) {
  const struct {
    const char *name, *bytes, *field, *error;
    ErrorKind kind;
  } cases[] = {
      {"a.tsv", "text\tx\na\tb\n", "y", "a.tsv:1: no column \"y\", the header has \"text\", \"x\"",
       ErrorKind::input},
      {"a.csv", "text,x\na,b\n", "3", "a.csv:1: 2 columns, expected column 3", ErrorKind::input},
      {"a.csv", "text,x,x\na,b,c\n", "x", "a.csv:1: the header has column \"x\" twice",
       ErrorKind::input},
      {"a.jsonl", "{\"text\":\"t\",\"n\":{}}\n", "n.x",
       "a.jsonl:1: no field \"n.x\" to keep, the row has \"text\", \"n\"", ErrorKind::input},
      {"a.txt", "a\n", "x",
       "a.txt is read as plain text, which has no columns or fields; say --input-format tsv, csv "
       "or jsonl",
       ErrorKind::usage},
  };
  for (const auto& c : cases) {
    InputOptions options;
    options.keep = {{c.field, "z"}};
    // A name that is not there is no bad row.
    for (const bool skip : {false, true}) {
      options.skip_bad_rows = skip;
      const ReadRows read = read_bytes(c.name, c.bytes, options);
      EXPECT_EQ(read.error, c.error);
      EXPECT_EQ(read.kind, c.kind);
    }
  }
}

struct KeptOutput {
  OutputFormat format;
  bool regression;
  const char *header, *row;
};

TEST(KeepColumns, InEveryFormat) {
  Example row;
  row.id = "4";
  row.text_a = "some text";
  row.kept = {"\"a\tb,\"c\"", "", "{\"d\":[1,\"e\"]}"};
  Result result;
  result.exit_layer = 2;
  result.label = 1;
  result.prob = 0.75f;
  result.entropy = 0.5f;
  result.logits = {-1, 1};
  result.probs = {0.25f, 0.75f};
  const KeptOutput cases[] = {
      {OutputFormat::tsv, false,
       "id\tlabel\tprob\tentropy\texit_layer\tlabel_2\tprob_2\tx\ty y\tz\n",
       "4\tgood\t0.75\t0.5\t2\tbad\t0.25\ta\\tb,\"c\"\t\t{\"d\":[1,\"e\"]}\n"},
      {OutputFormat::tsv, true, "id\tvalue\texit_layer\tx\ty y\tz\n",
       "4\t-1\t2\ta\\tb,\"c\"\t\t{\"d\":[1,\"e\"]}\n"},
      {OutputFormat::csv, true, "id,value,exit_layer,x,y y,z\n",
       "4,-1,2,\"a\tb,\"\"c\"\"\",,\"{\"\"d\"\":[1,\"\"e\"\"]}\"\n"},
      {OutputFormat::jsonl, true, "",
       "{\"id\":4,\"value\":-1,\"exit_layer\":2,\"x\":\"a\\tb,\\\"c\\\"\",\"y y\":null,"
       "\"z\":{\"d\":[1,\"e\"]}}\n"},
      {OutputFormat::table, true, "     id    value   exit  x         y y       z         text\n",
       "      4   -1.000    2/6  a b,\"c\"             {\"d\":[1\xE2\x80\xA6  some text\n"},
  };
  for (const KeptOutput& c : cases) {
    OutputOptions options;
    options.format = c.format;
    options.labels = {"bad", "good"};
    options.problem = c.regression ? ProblemType::regression : ProblemType::single_label;
    options.top_k = 2;
    options.num_layers = 6;
    options.kept = {"x", "y y", "z"};
    std::string header, text;
    append_header(options, &header);
    append_row(row, result, options, &text);
    EXPECT_EQ(header, c.header);
    EXPECT_EQ(text, c.row);
  }
}

// The line stays as wide as the terminal: what does not fit is left out.
TEST(KeepColumns, TableKeepsItsWidth) {
  Example row;
  row.id = "4";
  row.text_a = std::string(200, 'x');
  Result result;
  result.logits = {1};
  OutputOptions options;
  options.format = OutputFormat::table;
  options.problem = ProblemType::regression;
  for (size_t columns = 0; columns < 12; ++columns) {
    std::string header, text;
    append_header(options, &header);
    append_row(row, result, options, &text);
    EXPECT_LE(header.size(), 81u);
    EXPECT_LE(text.size() - (text.find("\xE2\x80\xA6") != std::string::npos ? 2 : 0), 81u);
    options.kept.push_back("column");
    row.kept.push_back("\"value");
  }
}

TEST(KeepColumns, InAnswersToQuestions) {
  QaExample question;
  question.id = "\"q";
  question.kept = {"\"a\\", "1.50"};
  QaResult result;
  result.answer.text = "w";
  result.answer.char_end = 1;
  result.answer.score = 1;
  const struct {
    QaFormat format;
    const char* text;
  } cases[] = {
      {QaFormat::tsv, "id\tanswer\tstart\tend\tscore\tx\ty\nq\tw\t0\t1\t1\ta\\\\\t1.50\n"},
      {QaFormat::csv, "id,answer,start,end,score,x,y\nq,w,0,1,1,a\\,1.50\n"},
      {QaFormat::jsonl,
       "{\"id\":\"q\",\"answer\":\"w\",\"start\":0,\"end\":1,\"score\":1,\"x\":\"a\\\\\","
       "\"y\":1.50}\n"},
  };
  for (const auto& c : cases) {
    QaOutputOptions options;
    options.format = c.format;
    options.kept = {"x", "y"};
    std::string text;
    append_qa_header(options, &text);
    append_qa_row(question, result, options, 0, &text);
    EXPECT_EQ(text, c.text);
  }
}

}  // namespace
}  // namespace costeff::tasks
