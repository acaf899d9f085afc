#include "tasks/lines/delimited.h"

#include <costeff/error.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "tasks/lines/line_reader.h"
#include "tasks/read_rows.h"

namespace costeff::tasks {
namespace {

Strings tsv(std::string_view line) {
  std::vector<std::string_view> fields;
  const int64_t count = split_tsv(line, &fields);
  EXPECT_EQ(count, static_cast<int64_t>(fields.size()));
  return {fields.begin(), fields.end()};
}

// Records of a CSV file, or the error's text as the last one.
std::vector<Strings> csv(std::string_view bytes) {
  LineReader lines({"a.csv", bytes}, nullptr, 4);
  CsvRecord record;
  std::vector<Strings> out;
  std::vector<std::string_view> fields;
  std::string_view line;
  try {
    while (lines.next(&line, true) == LineStatus::line) {
      if (!record.add_line(line, lines.had_cr(), "a.csv", lines.line_number())) continue;
      record.fields(&fields);
      out.push_back({fields.begin(), fields.end()});
    }
    record.finish("a.csv");
  } catch (const Error& e) {
    out.push_back({e.what()});
  }
  return out;
}

using Records = std::vector<Strings>;

TEST(Tsv, QuotesAreOrdinary) {
  EXPECT_EQ(tsv("a\tb"), (Strings{"a", "b"}));
  EXPECT_EQ(tsv(""), Strings{""});
  EXPECT_EQ(tsv("\t"), (Strings{"", ""}));
  EXPECT_EQ(tsv("\"a\tb\"\t'c"), (Strings{"\"a", "b\"", "'c"}));
}

TEST(Tsv, ManyColumnsAreCountedNotKept) {
  std::vector<std::string_view> fields;
  EXPECT_EQ(split_tsv(std::string(999'999, '\t'), &fields), 1'000'000);
  EXPECT_EQ(static_cast<int64_t>(fields.size()), kMaxColumns);
  EXPECT_EQ(split_tsv(std::string(static_cast<size_t>(kMaxColumns - 1), '\t'), &fields),
            kMaxColumns);
  EXPECT_EQ(split_tsv(std::string(static_cast<size_t>(kMaxColumns), '\t'), &fields),
            kMaxColumns + 1);
}

TEST(Csv, Rfc4180) {
  EXPECT_EQ(csv("a,b\nc,d"), (Records{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(csv("a,,\r\n"), (Records{{"a", "", ""}}));
  EXPECT_EQ(csv("\"a\",\"b,c\",\"d \"\"e\"\"\"\n"), (Records{{"a", "b,c", "d \"e\""}}));
  EXPECT_EQ(csv("\"\"\n\"\"\"\"\n"), (Records{{""}, {"\""}}));
  EXPECT_EQ(csv("a,\"x\n\ny\r\nz\",b\nc,d,e\n"),
            (Records{{"a", "x\n\ny\r\nz", "b"}, {"c", "d", "e"}}));
  EXPECT_EQ(csv("a\"b,c\"\n"), (Records{{"a\"b", "c\""}}));
  EXPECT_EQ(csv(" \"a\",b\n"), (Records{{" \"a\"", "b"}}));
}

TEST(Csv, Errors) {
  EXPECT_EQ(
      csv("a,b\n\"c\" ,d\n"),
      (Records{{"a", "b"},
               {"a.csv:2: text after a closing quote, expected a comma or the end of the line"}}));
  EXPECT_EQ(
      csv("a,b\n\"x\ny\",\"c\nd\n"),
      (Records{{"a", "b"},
               {"a.csv:3: a quote opens a field here and the file ends before it is closed"}}));
  EXPECT_EQ(
      csv("\""),
      (Records{{"a.csv:1: a quote opens a field here and the file ends before it is closed"}}));
  EXPECT_EQ(csv(std::string(70'000, ',')), (Records{{"a.csv:1: more than 65536 columns"}}));
}

TEST(Csv, RecordOverTheLimit) {
  CsvRecord record;
  const std::string line(8u << 20, 'x');
  EXPECT_FALSE(record.add_line("\"", false, "a.csv", 5));
  const std::string error = error_of(ErrorKind::input, [&] {
    for (int i = 0; i < 9; ++i) EXPECT_FALSE(record.add_line(line, false, "a.csv", 6 + i));
  });
  EXPECT_EQ(error, "a.csv:5: record longer than 64 MiB");
}

TEST(Delimited, ColumnsText) {
  EXPECT_EQ(columns_text(1), "1 column");
  EXPECT_EQ(columns_text(3), "3 columns");
  EXPECT_EQ(place_text("dev.tsv", 42), "dev.tsv:42");
}

}  // namespace
}  // namespace costeff::tasks
