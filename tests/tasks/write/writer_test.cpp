#include "tasks/write/writer.h"

#include <costeff/error.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/json/json.h"

namespace costeff::tasks {
namespace {

Example example(const std::string& id) {
  Example written;
  written.id = id;
  written.text_a = "a good movie";
  return written;
}

Result three_labels() {
  Result r;
  r.exit_layer = 3;
  r.label = 2;
  r.prob = 0.7f;
  r.entropy = 0.8018186f;
  r.logits = {-1, 0.5f, 1.5f};
  r.probs = {0.1f, 0.2f, 0.7f};
  r.exits = {{1, {0, 1, 2}, {0.09f, 0.245f, 0.665f}, 0.83f},
             {3, {-1, 0.5f, 1.5f}, {0.1f, 0.2f, 0.7f}, 0.8f}};
  return r;
}

OutputOptions options(OutputFormat format) {
  OutputOptions o;
  o.format = format;
  o.labels = {"bad", "so so", "good"};
  o.num_layers = 6;
  return o;
}

std::string header(const OutputOptions& o) {
  std::string out;
  append_header(o, &out);
  return out;
}
std::string written(const Example& e, const Result& r, const OutputOptions& o) {
  std::string out;
  append_row(e, r, o, &out);
  return out;
}

TEST(Writer, Tsv) {
  OutputOptions o = options(OutputFormat::tsv);
  EXPECT_EQ(header(o), "id\tlabel\tprob\tentropy\texit_layer\n");
  EXPECT_EQ(written(example("1"), three_labels(), o), "1\tgood\t0.7\t0.8018186\t3\n");
  EXPECT_EQ(written(example("\"a\tb\\"), three_labels(), o),
            "a\\tb\\\\\tgood\t0.7\t0.8018186\t3\n");
  o.labels[2] = "very\ngood";
  EXPECT_EQ(written(example("1"), three_labels(), o), "1\tvery\\ngood\t0.7\t0.8018186\t3\n");
  o.header = false;
  EXPECT_EQ(header(o), "");
}

TEST(Writer, HeaderBehindOtherText) {
  std::string out = "x";
  append_header(options(OutputFormat::csv), &out);
  EXPECT_EQ(out, "xid,label,prob,entropy,exit_layer\n");
}

TEST(Writer, Csv) {
  OutputOptions o = options(OutputFormat::csv);
  o.labels[2] = "good, \"very\"";
  EXPECT_EQ(header(o), "id,label,prob,entropy,exit_layer\n");
  EXPECT_EQ(written(example("\"a,b"), three_labels(), o),
            "\"a,b\",\"good, \"\"very\"\"\",0.7,0.8018186,3\n");
}

TEST(Writer, TopK) {
  OutputOptions o = options(OutputFormat::tsv);
  o.top_k = 2;
  EXPECT_EQ(header(o), "id\tlabel\tprob\tentropy\texit_layer\tlabel_2\tprob_2\n");
  EXPECT_EQ(written(example("1"), three_labels(), o), "1\tgood\t0.7\t0.8018186\t3\tso so\t0.2\n");
  o.top_k = 9;  // no more than there are labels
  EXPECT_EQ(header(o), "id\tlabel\tprob\tentropy\texit_layer\tlabel_2\tprob_2\tlabel_3\tprob_3\n");
  EXPECT_EQ(written(example("1"), three_labels(), o),
            "1\tgood\t0.7\t0.8018186\t3\tso so\t0.2\tbad\t0.1\n");
  o.top_k = 1;
  EXPECT_EQ(header(o), "id\tlabel\tprob\tentropy\texit_layer\n");
}

TEST(Writer, TopKOnTies) {
  OutputOptions o = options(OutputFormat::tsv);
  o.top_k = 3;
  Result r = three_labels();
  r.label = 0;
  r.prob = 0.5f;
  r.logits = {4, 1, 4};
  r.probs = {0.5f, 0, 0.5f};
  EXPECT_EQ(written(example("1"), r, o), "1\tbad\t0.5\t0.8018186\t3\tgood\t0.5\tso so\t0\n");
  // Probabilities that round to the same float still fall by logit: no label comes twice.
  r.label = 2;
  r.logits = {4, 1, 4.0000005f};
  EXPECT_EQ(written(example("1"), r, o), "1\tgood\t0.5\t0.8018186\t3\tbad\t0.5\tso so\t0\n");
}

TEST(Writer, Json) {
  OutputOptions o = options(OutputFormat::jsonl);
  EXPECT_EQ(header(o), "");
  const std::string rest =
      "\"label\":\"good\",\"label_id\":2,\"prob\":0.7,\"entropy\":0.8018186,\"exit_layer\":3}\n";
  EXPECT_EQ(written(example("17"), three_labels(), o), "{\"id\":17," + rest);
  EXPECT_EQ(written(example("1.50e3"), three_labels(), o), "{\"id\":1.50e3," + rest);
  EXPECT_EQ(written(example("\"17"), three_labels(), o), "{\"id\":\"17\"," + rest);
  EXPECT_EQ(written(example("\"a\"\\\n\xFF"), three_labels(), o),
            "{\"id\":\"a\\\"\\\\\\n\xEF\xBF\xBD\"," + rest);
  EXPECT_EQ(written(example("\""), three_labels(), o), "{\"id\":\"\"," + rest);
  EXPECT_EQ(written(example(""), three_labels(), o), "{\"id\":null," + rest);
}

TEST(Writer, JsonTopAndExits) {
  OutputOptions o = options(OutputFormat::jsonl);
  o.top_k = 2;
  o.all_exits = true;
  EXPECT_EQ(
      written(example("1"), three_labels(), o),
      "{\"id\":1,\"label\":\"good\",\"label_id\":2,\"prob\":0.7,\"entropy\":0.8018186,"
      "\"exit_layer\":3,"
      "\"top\":[{\"label\":\"good\",\"label_id\":2,\"prob\":0.7},"
      "{\"label\":\"so so\",\"label_id\":1,\"prob\":0.2}],"
      "\"exits\":[{\"layer\":1,\"logits\":[0,1,2],\"probs\":[0.09,0.245,0.665],\"entropy\":0.83},"
      "{\"layer\":3,\"logits\":[-1,0.5,1.5],\"probs\":[0.1,0.2,0.7],\"entropy\":0.8}]}\n");
  o.top_k = 1;
  o.all_exits = false;
  EXPECT_EQ(Json::parse(written(example("1"), three_labels(), o)).at("top").size(), 1u);
}

TEST(Writer, Regression) {
  OutputOptions o = options(OutputFormat::tsv);
  o.problem = ProblemType::regression;
  o.labels = {"LABEL_0"};
  o.top_k = 3;
  o.all_exits = true;
  Result r;
  r.exit_layer = 2;
  r.logits = {3.25f};
  r.exits = {{1, {3}, {}, 0}, {2, {3.25f}, {}, 0}};
  EXPECT_EQ(header(o), "id\tvalue\texit_layer\n");
  EXPECT_EQ(written(example("7"), r, o), "7\t3.25\t2\n");
  o.format = OutputFormat::csv;
  EXPECT_EQ(header(o), "id,value,exit_layer\n");
  EXPECT_EQ(written(example("7"), r, o), "7,3.25,2\n");
  o.format = OutputFormat::jsonl;
  EXPECT_EQ(written(example("7"), r, o),
            "{\"id\":7,\"value\":3.25,\"exit_layer\":2,\"exits\":[{\"layer\":1,\"logits\":[3]},"
            "{\"layer\":2,\"logits\":[3.25]}]}\n");
}

// Results that should not be: still whole rows, no read out of bounds, valid JSON.
TEST(Writer, OddResults) {
  Result r;
  r.label = 99;
  r.prob = std::nanf("");
  r.logits = {std::nanf(""), 1, std::nanf("")};
  r.probs = r.logits;
  OutputOptions o = options(OutputFormat::tsv);
  o.top_k = 3;
  EXPECT_EQ(written(example("1"), r, o), "1\t\tnan\t0\t0\t\t\t\t\n");
  o.format = OutputFormat::jsonl;
  EXPECT_TRUE(Json::accept(written(example("1"), r, o)));
  EXPECT_EQ(written(example("1"), Result(), o),
            "{\"id\":1,\"label\":\"bad\",\"label_id\":0,\"prob\":0,\"entropy\":0,\"exit_layer\":0,"
            "\"top\":[]}\n");
}

TEST(Writer, NothingIsAllocatedOnceTheStringHasGrown) {
  for (OutputFormat format :
       {OutputFormat::tsv, OutputFormat::csv, OutputFormat::jsonl, OutputFormat::table}) {
    OutputOptions o = options(format);
    o.top_k = 3;
    o.all_exits = true;
    std::string out;
    out.reserve(4096);
    const char* data = out.data();
    for (int i = 0; i < 1000; ++i) {
      out.clear();
      append_row(example("1"), three_labels(), o, &out);
    }
    EXPECT_EQ(out.data(), data);
  }
}

TEST(Writer, FormatNames) {
  EXPECT_EQ(output_format_from_name("csv"), OutputFormat::csv);
  EXPECT_EQ(output_format_from_name("table"), OutputFormat::table);
  EXPECT_EQ(output_format_from_name("json"), OutputFormat::jsonl);
  EXPECT_THROW(output_format_from_name("xml"), Error);
}

}  // namespace
}  // namespace costeff::tasks
