// The official GLUE files through the task presets.

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "shared_data.h"
#include "tasks/read_rows.h"

namespace costeff::tasks {
namespace {

struct GlueFile {
  const char* task;
  const char* path;
  size_t rows;
  bool pair;
};

// Row counts of the whole files, as the README of the larger collection gives them.
constexpr GlueFile kFiles[] = {
    {"sst-2", "SST-2/train.tsv", 67349, false},     {"sst-2", "SST-2/dev.tsv", 872, false},
    {"cola", "CoLA/train.tsv", 8551, false},        {"cola", "CoLA/dev.tsv", 1043, false},
    {"mrpc", "MRPC/train.tsv", 4076, true},         {"mrpc", "MRPC/dev.tsv", 1725, true},
    {"rte", "RTE/train.tsv", 2490, true},           {"rte", "RTE/dev.tsv", 277, true},
    {"sts-b", "STS-B/train.tsv", 6040, true},       {"sts-b", "STS-B/dev.tsv", 863, true},
    {"qnli", "QNLI/dev.tsv", 5463, true},           {"qqp", "QQP/dev.tsv", 20212, true},
    {"mnli", "MNLI/dev_matched.tsv", 121, true},    {"mnli", "MNLI/dev_mismatched.tsv", 162, true},
    {"sst-2", "AdvGLUE/SST-2/dev.tsv", 148, false}, {"qnli", "AdvGLUE/QNLI/dev.tsv", 148, true},
    {"rte", "AdvGLUE/RTE/dev.tsv", 81, true},       {"qqp", "AdvGLUE/QQP/dev.tsv", 78, true},
};

// Reads the file as its task's; returns the number of rows, which are whole.
size_t rows_of_task(const GlueFile& file) {
  InputOptions options;
  options.task = &find_task(file.task);
  const ReadRows read = read_files({{shared_path("glue/") + file.path, {}}}, options);
  EXPECT_EQ(read.error, "");
  for (const Example& row : read.rows) {
    EXPECT_EQ(row.text_b.has_value(), file.pair);
    EXPECT_FALSE(row.text_a.empty());
  }
  return read.rows.size();
}

TEST(GlueFiles, EveryLineIsARow) {
  COSTEFF_NEED_SHARED("glue");
  for (const GlueFile& file : kFiles) {
    SCOPED_TRACE(file.path);
    std::ifstream in(shared_path("glue/") + file.path);
    size_t lines = 0;
    for (std::string line; std::getline(in, line);) ++lines;
    const bool header = std::string(file.task) != "cola";
    ASSERT_GE(lines, 50u);
    EXPECT_EQ(rows_of_task(file), lines - header);
  }
}

TEST(LargerGlueFiles, RowCounts) {
  COSTEFF_NEED_SHARED("glue");
  for (const GlueFile& file : kFiles) {
    SCOPED_TRACE(file.path);
    EXPECT_EQ(rows_of_task(file), file.rows);
  }
}

// Without a task the usual names find the same columns; CoLA has no names.
TEST(GlueFiles, ColumnsAreFoundWithoutATask) {
  COSTEFF_NEED_SHARED("glue");
  for (const GlueFile& file : kFiles) {
    SCOPED_TRACE(file.path);
    if (file.rows > 10'000) continue;
    const std::string path = shared_path("glue/") + file.path;
    InputOptions options;
    options.task = &find_task(file.task);
    const Strings expected = texts(read_files({{path, {}}}, options));
    InputOptions plain;
    if (std::string(file.task) == "cola") plain.text_field = "4";
    const ReadRows read = read_files({{path, {}}}, plain);
    EXPECT_EQ(read.error, "");
    EXPECT_EQ(texts(read), expected);
  }
}

TEST(GlueFiles, FirstRows) {
  COSTEFF_NEED_SHARED("glue");
  const auto first = [](const char* task, const char* path) {
    InputOptions options;
    options.task = &find_task(task);
    return read_files({{shared_path("glue/") + path, {}}}, options).rows.at(0);
  };
  EXPECT_EQ(first("sst-2", "SST-2/dev.tsv").text_a,
            "it 's a charming and often affecting journey . ");
  EXPECT_EQ(first("cola", "CoLA/dev.tsv").text_a,
            "The sailors rode the breeze clear of the rocks.");
  const Example qnli = first("qnli", "QNLI/dev.tsv");
  EXPECT_EQ(qnli.text_a, "What came into force after the new constitution was herald?");
  EXPECT_EQ(*qnli.text_b,
            "As of that day, the new constitution heralding the Second Republic came into force.");
  EXPECT_EQ(qnli.id, "\"0");
  EXPECT_EQ(qnli.line, 2);
}

TEST(GlueFiles, GoldenRowsGiveTheirIds) {
  COSTEFF_NEED_SHARED("golden/deebert_bert/golden.jsonl");
  const std::string path = shared_path("golden/deebert_bert/golden.jsonl");
  const ReadRows by_ids = read_files({{path, {}}});
  ASSERT_EQ(by_ids.error, "");
  ASSERT_FALSE(by_ids.rows.empty());
  InputOptions options;
  options.text_field = "text_a";
  options.pair_field = "text_b";
  const ReadRows by_text = read_files({{path, {}}}, options);
  ASSERT_EQ(by_text.error, "");
  ASSERT_EQ(by_text.rows.size(), by_ids.rows.size());
  for (size_t i = 0; i < by_ids.rows.size(); ++i) {
    EXPECT_TRUE(by_ids.rows[i].has_ids);
    EXPECT_EQ(by_ids.rows[i].token_type_ids.size(), by_ids.rows[i].input_ids.size());
    EXPECT_FALSE(by_text.rows[i].has_ids);
    EXPECT_EQ(by_ids.rows[i].id, by_text.rows[i].id);
  }
}

}  // namespace
}  // namespace costeff::tasks
