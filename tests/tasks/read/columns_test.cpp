#include "tasks/read/columns.h"

#include <costeff/error.h>
#include <gtest/gtest.h>

#include <vector>

namespace costeff::tasks {
namespace {

using Cells = std::vector<std::string_view>;

// "text pair id header", or the error: "2 ..." with its exit code.
std::string chosen(const Cells& first, const InputOptions& options = {}) {
  try {
    const Columns c = choose_columns(first, options, "dev.tsv:1");
    EXPECT_EQ(c.count, static_cast<int64_t>(first.size()));
    return std::to_string(c.text) + " " + std::to_string(c.pair) + " " + std::to_string(c.id) +
           (c.header ? " header" : " data");
  } catch (const Error& e) {
    return std::to_string(e.exit_code()) + " " + e.what();
  }
}

InputOptions fields(const std::string& text, const std::string& pair = "",
                    Header header = Header::automatic) {
  InputOptions options;
  options.text_field = text;
  options.pair_field = pair;
  options.header = header;
  return options;
}

InputOptions task(const char* name, Header header = Header::automatic) {
  InputOptions options;
  options.task = &find_task(name);
  options.header = header;
  return options;
}

TEST(Columns, CommonNames) {
  EXPECT_EQ(chosen({"sentence", "label"}), "0 -1 -1 header");
  EXPECT_EQ(chosen({"label", "text"}), "1 -1 -1 header");
  EXPECT_EQ(chosen({"text_b", "text_a"}), "1 0 -1 header");
  EXPECT_EQ(chosen({"index", "question", "sentence", "label"}), "1 2 0 header");
  EXPECT_EQ(chosen({"id", "qid1", "qid2", "question1", "question2", "is_duplicate"}),
            "3 4 0 header");
  EXPECT_EQ(chosen({"premise", "hypothesis", "label", "index", "id"}), "0 1 4 header");
  EXPECT_EQ(chosen({"Quality", "#1 ID", "#2 ID", "#1 String", "#2 String"}), "3 4 -1 header");
  EXPECT_EQ(chosen({"Id", "text"}), "1 -1 -1 header");  // exact names only
}

TEST(Columns, SingleColumn) {
  InputOptions options;
  // What may be a header is asked about; a sentence, a long text and a number are none.
  for (const char* name : {"review", "Review text", "a good movie", "tweet_text"}) {
    EXPECT_EQ(chosen({name}), std::string("3 dev.tsv:1: \"") + name +
                                  "\" may be a column's name or a text: say --header or "
                                  "--no-header");
  }
  for (const char* text : {"it was a good movie", "Good.", "Why?", "12", "3.5",
                           "supercalifragilisticexpialidocious-and-so-on", ""}) {
    EXPECT_EQ(chosen({text}), "0 -1 -1 data") << text;
  }
  EXPECT_EQ(chosen({"sentence"}), "0 -1 -1 header");
  options.header = Header::yes;
  EXPECT_EQ(chosen({"review"}, options), "0 -1 -1 header");
  options.header = Header::no;
  EXPECT_EQ(chosen({"sentence"}, options), "0 -1 -1 data");
}

TEST(Columns, NothingFits) {
  EXPECT_EQ(
      chosen({"review", "stars"}),
      "3 dev.tsv:1: none of the columns \"review\", \"stars\" has a usual name (sentence, text, "
      "...): use --text-field NAME, or --no-header and --text-field NUMBER");
  EXPECT_EQ(
      chosen({"1", "2", "3", "4", "5", "6", "7", "8"}),
      "3 dev.tsv:1: none of the columns \"1\", \"2\", \"3\", \"4\", \"5\", \"6\", ... (8 columns) "
      "has a usual name (sentence, text, ...): use --text-field NAME, or --no-header and "
      "--text-field NUMBER");
  InputOptions options;
  options.header = Header::no;
  EXPECT_EQ(
      chosen({"sentence", "label"}, options),
      "3 dev.tsv:1: 2 columns and no header: say which holds the text with --text-field NUMBER");
  EXPECT_EQ(chosen({"text", "text"}), "3 dev.tsv:1: the header has column \"text\" twice");
}

TEST(Columns, ByName) {
  EXPECT_EQ(chosen({"stars", "review", "id"}, fields("review")), "1 -1 2 header");
  EXPECT_EQ(chosen({"q", "a"}, fields("a", "q")), "1 0 -1 header");
  EXPECT_EQ(chosen({"sentence1", "sentence2"}, fields("sentence2")), "1 -1 -1 header");
  EXPECT_EQ(chosen({"sentence", "context"}, fields("", "context")), "0 1 -1 header");
  EXPECT_EQ(chosen({"a", "b"}, fields("c")),
            "3 dev.tsv:1: no column \"c\", the header has \"a\", \"b\"");
  EXPECT_EQ(chosen({"a", "a"}, fields("a")), "3 dev.tsv:1: the header has column \"a\" twice");
  EXPECT_EQ(chosen({"a", "b"}, fields("a", "", Header::no)),
            "2 column \"a\" is given by name, which needs a header; without one give its number");
}

TEST(Columns, ByNumber) {
  EXPECT_EQ(chosen({"gj04", "1", "", "The sailors"}, fields("4")), "3 -1 -1 data");
  EXPECT_EQ(chosen({"sentence", "label"}, fields("1")), "0 -1 -1 header");
  const std::string ask =
      "3 dev.tsv:1: \"review\", \"stars\" may be the columns' names or a row: "
      "say --header or --no-header";
  EXPECT_EQ(chosen({"review", "stars"}, fields("1")), ask);
  EXPECT_EQ(chosen({"review", "stars"}, fields("1", "", Header::no)), "0 -1 -1 data");
  EXPECT_EQ(chosen({"review", "5"}, fields("1")), "0 -1 -1 data");
  EXPECT_EQ(chosen({"it was a good movie", "pos"}, fields("1")), "0 -1 -1 data");
  EXPECT_EQ(chosen({"review", "stars"}, fields("1", "2", Header::yes)), "0 1 -1 header");
  EXPECT_EQ(chosen({"sentence", "label"}, fields("2", "1", Header::no)), "1 0 -1 data");
  EXPECT_EQ(chosen({"2", "1", "label"}, fields("1")), "1 -1 -1 header");  // a name goes first
  EXPECT_EQ(chosen({"a", "b"}, fields("3")), "3 dev.tsv:1: 2 columns, expected column 3");
  EXPECT_EQ(chosen({"a", "b"}, fields("0", "", Header::no)),
            "2 column \"0\" is given by name, which needs a header; without one give its number");
  EXPECT_EQ(chosen({"a"}, fields("99999999999999999999")),
            "3 dev.tsv:1: no column \"99999999999999999999\", the header has \"a\"");
}

TEST(Columns, LinesOfTextHaveNoLabels) {
  const char* lines =
      "3 dev.tsv:1: 1 column and no header: lines of text have no labels, expected TSV, CSV or "
      "JSONL with labels (--input-format names it)";
  const struct {
    const char *first, *text, *label;
    Header header;
    std::string expected;
  } cases[] = {
      {"It was a good film.", "", "", Header::automatic, lines},
      {"good", "", "", Header::automatic, lines},
      {"good", "", "", Header::no, lines},
      {"good", "1", "2", Header::automatic, lines},
      {"good", "", "2", Header::no, lines},
      // A header, as a flag or a usual name says.
      {"good", "", "", Header::yes,
       "3 dev.tsv:1: no column of labels (label), the header has \"good\"; another name is given "
       "with --label-field"},
      {"text", "", "", Header::automatic,
       "3 dev.tsv:1: no column of labels (label), the header has \"text\"; another name is given "
       "with --label-field"},
      {"good", "x", "", Header::automatic, "3 dev.tsv:1: no column \"x\", the header has \"good\""},
  };
  for (const auto& c : cases) {
    InputOptions options = fields(c.text, "", c.header);
    options.want_gold = true;
    options.label_field = c.label;
    EXPECT_EQ(chosen({c.first}, options), c.expected) << c.first << " " << c.label;
  }
}

TEST(Columns, Ids) {
  InputOptions options;
  options.id_field = "guid";
  EXPECT_EQ(chosen({"text", "id", "guid"}, options), "0 -1 2 header");
  options.id_field = "";
  EXPECT_EQ(chosen({"text", "id"}, options), "0 -1 -1 header");
  options.id_field = "key";
  EXPECT_EQ(chosen({"text", "id"}, options),
            "3 dev.tsv:1: no column \"key\", the header has \"text\", \"id\"");
  EXPECT_EQ(chosen({"id", "x"}, fields("id")), "0 -1 -1 header");
  options = fields("1", "", Header::no);
  options.id_field = "2";
  EXPECT_EQ(chosen({"a", "b"}, options), "0 -1 1 data");
}

TEST(Columns, Tasks) {
  EXPECT_EQ(chosen({"index", "sentence"}, task("sst-2")), "1 -1 0 header");
  EXPECT_EQ(
      chosen({"a good movie", "1"}, task("sst-2")),
      "3 dev.tsv:1: the header has no column \"sentence\", it has \"a good movie\", \"1\" (task "
      "sst-2)");
  EXPECT_EQ(chosen({"sentence1", "label"}, task("rte")),
            "3 dev.tsv:1: the header has no column \"sentence1\" and \"sentence2\", it has "
            "\"sentence1\", \"label\" (task rte)");
  EXPECT_EQ(
      chosen({"a", "1"}, task("sst-2", Header::no)),
      "2 task sst-2 finds its columns by the header's names; without a header give a column's "
      "number with --text-field");
  EXPECT_EQ(chosen({"gj04", "1", "", "x"}, task("cola")), "3 -1 -1 data");
  EXPECT_EQ(chosen({"gj04", "1", "", "x"}, task("cola", Header::no)), "3 -1 -1 data");
  EXPECT_EQ(chosen({"index", "sentence"}, task("cola")), "1 -1 0 header");  // its test.tsv
  EXPECT_EQ(chosen({"gj04", "1", "x"}, task("cola")),
            "3 dev.tsv:1: 3 columns, expected 4 (task cola)");
  EXPECT_EQ(chosen({"premise", "hypothesis"}, task("mnli")), "0 1 -1 header");
  InputOptions options = task("rte");
  options.text_field = "x";
  EXPECT_EQ(chosen({"x", "sentence1", "sentence2"}, options), "0 -1 -1 header");
}

}  // namespace
}  // namespace costeff::tasks
