// SQuAD files, and rows of questions and contexts.

#include "tasks/read/squad_reader.h"

#include <costeff/error.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "tasks/read/qa_reader.h"
#include "tasks/read_rows.h"
#include "test_random.h"

namespace costeff::tasks {
namespace {

struct ReadQuestions {
  std::vector<QaExample> rows;
  std::vector<QaGold> gold;
  std::string error;
  ErrorKind kind = ErrorKind::internal;
};

template <typename Reader>
ReadQuestions read_all(Reader& reader) {
  ReadQuestions out;
  try {
    QaExample example;
    QaGold gold;
    while (reader.next(example, true, &gold) == ReadStatus::row) {
      out.rows.push_back(example);
      out.gold.push_back(gold);
    }
  } catch (const Error& e) {
    out.error = e.what();
    out.kind = e.kind();
  }
  return out;
}

ReadQuestions read_squad(std::string_view text, size_t chunk = 256u << 10) {
  SquadReader reader({{"dev.json", text}}, nullptr, chunk);
  return read_all(reader);
}

std::string squad_error(std::string_view text) {
  const ReadQuestions read = read_squad(text);
  EXPECT_EQ(read.kind, ErrorKind::input) << text;
  return read.error;
}

// v1.1 has the context before the questions, v2 after them.
constexpr const char* kFile = R"({
  "version": "v2.0", "other": [1, {"data": []}],
  "data": [
    {"title": "One", "paragraphs": [
      {"context": "caf\u00e9 \ud83d\ude00", "qas": [
        {"id": "a1", "question": "what?", "answers": [{"text": "caf\u00e9", "answer_start": 0}, {"answer_start": 1, "text": "b"}]},
        {"question": "tab\there", "id": "a\n2"}]},
      {"qas": [], "context": "nobody asks"}]},
    {"paragraphs": []},
    {"paragraphs": [
      {"qas": [
        {"id": 7, "question": "", "is_impossible": true, "answers": [], "plausible_answers": [{"text": "no"}]},
        {"question": "no id", "answers": null, "is_impossible": false}],
       "document_id": 1, "context": "second"}], "title": "Two"}]
})";

TEST(SquadReader, ReadsBothVersions) {
  for (size_t chunk : {1u, 7u, 256u << 10}) {
    const ReadQuestions read = read_squad(kFile, chunk);
    EXPECT_EQ(read.error, "");
    ASSERT_EQ(read.rows.size(), 4u);
    EXPECT_EQ(read.rows[0].question, "what?");
    EXPECT_EQ(read.rows[0].context, "caf\xC3\xA9 \xF0\x9F\x98\x80");
    EXPECT_EQ(read.rows[0].id, "\"a1");
    EXPECT_EQ(read.rows[0].place, "dev.json: data[0].paragraphs[0].qas[0]");
    EXPECT_EQ(read.gold[0].answers, (Strings{"caf\xC3\xA9", "b"}));
    EXPECT_FALSE(read.gold[0].impossible);
    EXPECT_EQ(read.rows[1].question, "tab\there");
    EXPECT_EQ(read.rows[1].context, read.rows[0].context);
    EXPECT_EQ(read.rows[1].id, "\"a\n2");
    EXPECT_TRUE(read.gold[1].answers.empty());
    EXPECT_EQ(read.rows[2].question, "");
    EXPECT_EQ(read.rows[2].context, "second");
    EXPECT_EQ(read.rows[2].id, "7");
    EXPECT_EQ(read.rows[2].place, "dev.json: data[2].paragraphs[0].qas[0]");
    EXPECT_TRUE(read.gold[2].impossible);
    EXPECT_EQ(read.rows[3].id, "4");  // its number
  }
}

TEST(SquadReader, SeveralFilesAreOneRun) {
  const std::string one = R"({"data":[{"paragraphs":[{"context":"c","qas":[{"question":"q"}]}]}]})";
  SquadReader reader({{"a.json", one}, {"b.json", R"({"data":[]})"}, {"c.json", one}});
  EXPECT_EQ(reader.bytes_total(), static_cast<int64_t>(2 * one.size() + 11));
  const ReadQuestions read = read_all(reader);
  ASSERT_EQ(read.rows.size(), 2u);
  EXPECT_EQ(read.rows[1].place, "c.json: data[0].paragraphs[0].qas[0]");
  EXPECT_EQ(read.rows[1].id, "2");
  EXPECT_EQ(reader.bytes_done(), reader.bytes_total());
}

std::string with_paragraph(const std::string& paragraph) {
  return R"({"data":[{"paragraphs":[{"context":"c","qas":[]},)" + paragraph + "]}]}";
}

TEST(SquadReader, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(squad_error("[]"), "dev.json: the document is a list, expected an object");
  EXPECT_EQ(squad_error("{}"),
            "dev.json: the document has no key \"data\", expected SQuAD's list of articles there");
  EXPECT_EQ(squad_error(R"({"data":{}})"), "dev.json: data is an object, expected a list");
  EXPECT_EQ(squad_error(R"({"data":[],"data":[]})"), "dev.json: data comes twice");
  EXPECT_EQ(squad_error(R"({"data":[{"paragraphs":[]},3]})"),
            "dev.json: data[1] is a number, expected an object");
  EXPECT_EQ(squad_error(R"({"data":[{"title":"x"}]})"),
            "dev.json: data[0] has no key \"paragraphs\"");
  EXPECT_EQ(squad_error(R"({"data":[{"paragraphs":null}]})"),
            "dev.json: data[0].paragraphs is null, expected a list");
  EXPECT_EQ(squad_error(R"({"data":[{"paragraphs":[],"paragraphs":[]}]})"),
            "dev.json: data[0].paragraphs comes twice");
  EXPECT_EQ(squad_error(with_paragraph("true")),
            "dev.json: data[0].paragraphs[1] is true or false, expected an object");
  EXPECT_EQ(squad_error(with_paragraph(R"({"qas":[{"question":"q"}]})")),
            "dev.json: data[0].paragraphs[1] has no key \"context\"");
  EXPECT_EQ(squad_error(with_paragraph(R"({"context":"c"})")),
            "dev.json: data[0].paragraphs[1] has no key \"qas\"");
  EXPECT_EQ(squad_error(with_paragraph(R"({"context":1})")),
            "dev.json: data[0].paragraphs[1].context is a number, expected a string");
  EXPECT_EQ(squad_error(with_paragraph(R"({"context":"","context":""})")),
            "dev.json: data[0].paragraphs[1].context comes twice");
  EXPECT_EQ(squad_error(with_paragraph(R"({"qas":{}})")),
            "dev.json: data[0].paragraphs[1].qas is an object, expected a list");
  const auto question = [&](const std::string& q) {
    return squad_error(with_paragraph(R"({"context":"c","qas":[{"question":"q"},)" + q + "]}"));
  };
  const std::string at = "dev.json: data[0].paragraphs[1].qas[1]";
  EXPECT_EQ(question("[]"), at + " is a list, expected an object");
  EXPECT_EQ(question("{}"), at + " has no key \"question\"");
  EXPECT_EQ(question(R"({"question":["q"]})"), at + ".question is a list, expected a string");
  EXPECT_EQ(question(R"({"id":null})"), at + ".id is null, expected a string");
  EXPECT_EQ(question(R"({"id":"1","id":"2"})"), at + ".id comes twice");
  EXPECT_EQ(question(R"({"is_impossible":"no"})"),
            at + ".is_impossible is a string, expected true or false");
  EXPECT_EQ(question(R"({"answers":{"text":[]}})"), at + ".answers is an object, expected a list");
  EXPECT_EQ(question(R"({"answers":[{"text":"a"},"b"]})"),
            at + ".answers[1] is a string, expected an object");
  EXPECT_EQ(question(R"({"answers":[{"answer_start":1}]})"),
            at + ".answers[0] has no key \"text\"");
  EXPECT_EQ(question(R"({"answers":[{"text":1}]})"),
            at + ".answers[0].text is a number, expected a string");
  EXPECT_EQ(squad_error("{\"data\":[{\"paragraphs\":[{\"context\":\"c\"]}]}"),
            "dev.json: byte 38: not valid JSON: found ], expected , or }");
}

// The rows before the wrong one are there.
TEST(SquadReader, RowsBeforeAnErrorAreRead) {
  const ReadQuestions read =
      read_squad(with_paragraph(R"({"context":"c","qas":[{"question":"q"}]}, 1)"));
  EXPECT_EQ(read.rows.size(), 1u);
  EXPECT_EQ(read.error, "dev.json: data[0].paragraphs[2] is a number, expected an object");
}

TEST(SquadReader, RefusesFilesThatAreNotThere) {
  const auto open = [](const std::vector<InputFile>& files) { SquadReader reader(files); };
  EXPECT_THROW(open({{"/nonexistent.json", {}}}), Error);
  EXPECT_THROW(open({{"-", {}}, {"-", {}}}), Error);
}

// Any change of a few bytes gives rows and an Error, or rows; nothing else.
TEST(SquadReader, SurvivesChangedBytes) {
  std::mt19937_64 rng(test_seed());
  constexpr std::string_view kBytes = "{}[]\",:\\0aé ";
  for (int round = 0; round < 5000; ++round) {
    std::string text = kFile;
    for (uint64_t n = 1 + rng() % 3; n > 0; --n) {
      const size_t at = rng() % text.size();
      if (rng() % 3 == 0) {
        text.erase(at, 1 + rng() % 40);
      } else {
        text[at] = kBytes[rng() % kBytes.size()];
      }
    }
    const ReadQuestions read = read_squad(text, 1 + rng() % 50);
    if (!read.error.empty()) {
      ASSERT_EQ(read.kind, ErrorKind::input);
      ASSERT_EQ(read.error.rfind("dev.json: ", 0), 0u) << read.error;
    }
  }
}

ReadQuestions read_rows(const std::string& name, std::string_view bytes,
                        const InputOptions& options = {}) {
  QaReader reader({{name, bytes}}, options, std::nullopt);
  return read_all(reader);
}

TEST(QaReader, ReadsJsonl) {
  const ReadQuestions read =
      read_rows("d.jsonl", R"({"question":"q","context":"c","id":"x","title":"t"}
{"context":"","question":"r"}
{"question":"s"})");
  ASSERT_EQ(read.rows.size(), 2u);
  EXPECT_EQ(read.rows[0].question, "q");
  EXPECT_EQ(read.rows[0].context, "c");
  EXPECT_EQ(read.rows[0].id, "\"x");
  EXPECT_EQ(read.rows[0].place, "d.jsonl:1");
  EXPECT_EQ(read.rows[1].context, "");
  EXPECT_EQ(read.rows[1].id, "2");
  EXPECT_EQ(read.error, "d.jsonl:3: field \"context\" is absent, expected a string");
  EXPECT_EQ(read_rows("d.jsonl", R"({"input_ids":[1]})").error,
            "d.jsonl:1: input_ids, expected a question and its context as text");
}

TEST(QaReader, ReadsTsvWithAndWithoutHeader) {
  ReadQuestions read = read_rows("d.tsv", "who?\tthe one\nwhen?\tthen\n");
  ASSERT_EQ(read.rows.size(), 2u);
  EXPECT_EQ(read.rows[1].question, "when?");
  EXPECT_EQ(read.rows[1].context, "then");
  EXPECT_EQ(read.rows[1].place, "d.tsv:2");
  read = read_rows("d.tsv", "id\tcontext\tquestion\n7\tthe one\twho?\n");
  ASSERT_EQ(read.rows.size(), 1u);
  EXPECT_EQ(read.rows[0].question, "who?");
  EXPECT_EQ(read.rows[0].id, "\"7");
  EXPECT_EQ(read_rows("d.tsv", "a\tb\tc\n").error, "d.tsv:1: 3 columns, expected 2 (task qa)");
  read = read_rows("d.csv", "\"one, two\",c\n");
  ASSERT_EQ(read.rows.size(), 1u);
  EXPECT_EQ(read.rows[0].question, "one, two");
}

TEST(QaReader, TakesNamedFields) {
  InputOptions options;
  options.text_field = "q";
  options.pair_field = "c";
  const ReadQuestions read =
      read_rows("d.jsonl", R"({"q":"1","c":"2","question":"3","context":"4"})", options);
  ASSERT_EQ(read.rows.size(), 1u);
  EXPECT_EQ(read.rows[0].question, "1");
  EXPECT_EQ(read.rows[0].context, "2");
  options.pair_field.clear();
  EXPECT_THROW(read_rows("d.jsonl", "", options), Error);
}

TEST(QaReader, KnowsSquadByItsExtension) {
  const std::string squad =
      R"({"data":[{"paragraphs":[{"context":"c","qas":[{"question":"q"}]}]}]})";
  EXPECT_EQ(read_rows("dev.json", squad).rows.size(), 1u);
  InputOptions jsonl;
  jsonl.format = InputFormat::jsonl;
  EXPECT_EQ(read_rows("dev.json", R"({"question":"q","context":"c"})", jsonl).rows.size(), 1u);
  QaReader asked({{"stdin", squad}}, {}, true);
  EXPECT_EQ(read_all(asked).rows.size(), 1u);
  const auto open_both = [&] {
    QaReader both({{"a.json", squad}, {"b.tsv", "a\tb"}}, {}, std::nullopt);
  };
  EXPECT_THROW(open_both(), Error);
  InputOptions fields;
  fields.text_field = fields.pair_field = "x";
  EXPECT_THROW(read_rows("dev.json", squad, fields), Error);
}

}  // namespace
}  // namespace costeff::tasks
