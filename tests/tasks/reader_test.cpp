#include "tasks/read/reader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tasks/read_rows.h"

namespace costeff::tasks {
namespace {

InputOptions with_format(InputFormat format) {
  InputOptions options;
  options.format = format;
  return options;
}

TEST(RowReader, Text) {
  for (size_t chunk : {1, 5, 1000}) {
    const ReadRows read = read_bytes("a.txt", "\na\r\n\n b \"c\"\t\nlast", {}, chunk);
    EXPECT_EQ(read.error, "");
    EXPECT_EQ(texts(read), (Strings{"", "a", "", " b \"c\"\t", "last"}));
    EXPECT_EQ(ids(read), (Strings{"1", "2", "3", "4", "5"}));
    EXPECT_EQ(lines(read), (std::vector<int64_t>{1, 2, 3, 4, 5}));
  }
  EXPECT_EQ(read_bytes("a.txt", "").rows.size(), 0u);
}

TEST(RowReader, TextPairs) {
  InputOptions options;
  options.separator = " ||| ";
  EXPECT_EQ(texts(read_bytes("a", "x ||| y\nx\nx ||| y ||| z\n ||| \n", options)),
            (Strings{"x|y", "x", "x|y ||| z", "|"}));
  options.separator = "";
  EXPECT_EQ(read_bytes("a", "x", options).error, "the separator of pairs is empty");
  options.separator = "\t";
  const ReadRows read = read_bytes("a.tsv", "x", options);
  EXPECT_EQ(read.kind, ErrorKind::usage);
  EXPECT_EQ(read.error, "a.tsv is not read as plain text; only there a separator splits pairs");
}

TEST(RowReader, Tsv) {
  for (size_t chunk : {1, 1000}) {
    const ReadRows read = read_bytes(
        "dev.tsv", "\xEF\xBB\xBFindex\tsentence\tlabel\r\n7\ta \"b\t1\r\nx\t\t0", {}, chunk);
    EXPECT_EQ(read.error, "");
    EXPECT_EQ(texts(read), (Strings{"a \"b", ""}));
    EXPECT_EQ(ids(read), (Strings{"\"7", "\"x"}));
    EXPECT_EQ(lines(read), (std::vector<int64_t>{2, 3}));
  }
}

TEST(RowReader, TsvErrors) {
  const auto error = [](std::string_view bytes) { return read_bytes("dev.tsv", bytes).error; };
  const std::string head = "index\tsentence1\tsentence2\tlabel\n";
  EXPECT_EQ(error(head + "1\ta\tb\t0\n1\ta\tb\n"), "dev.tsv:3: 3 columns, expected 4");
  EXPECT_EQ(error(head + "1\ta\tb\t0\t\n"), "dev.tsv:2: 5 columns, expected 4");
  EXPECT_EQ(error(head + "\n1\ta\tb\t0\n"), "dev.tsv:2: empty line, expected 4 columns");
  EXPECT_EQ(error(head + "\n \n"), "");  // at the end they are no rows
  EXPECT_EQ(error(""), "dev.tsv: is empty, expected a header or rows of columns");
  EXPECT_EQ(error("\xEF\xBB\xBF"), "dev.tsv: is empty, expected a header or rows of columns");
  EXPECT_EQ(error("\n \n"), "dev.tsv: is empty, expected a header or rows of columns");
  EXPECT_EQ(error(head), "");
  EXPECT_EQ(error(std::string(70'000, '\t')), "dev.tsv:1: 70001 columns, expected at most 65536");
  InputOptions options;
  options.task = &find_task("mrpc");
  EXPECT_EQ(read_bytes("dev.tsv", "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t2\t3\n", options)
                .error,
            "dev.tsv:2: 3 columns, expected 5 (task mrpc)");
  const ReadRows read = read_bytes("dev.tsv", "sentence\tlabel\na\t1\nb\n");
  EXPECT_EQ(texts(read), Strings{"a"});  // rows before the wrong one have been given
  EXPECT_EQ(read.error, "dev.tsv:3: 1 column, expected 2");
  EXPECT_EQ(read.kind, ErrorKind::input);
}

TEST(RowReader, Csv) {
  for (size_t chunk : {1, 1000}) {
    const ReadRows read =
        read_bytes("a.csv", "id,text\n1,\"two\nlines, \"\"q\"\"\"\r\n\"2\",three\n", {}, chunk);
    EXPECT_EQ(read.error, "");
    EXPECT_EQ(texts(read), (Strings{"two\nlines, \"q\"", "three"}));
    EXPECT_EQ(ids(read), (Strings{"\"1", "\"2"}));
    EXPECT_EQ(lines(read), (std::vector<int64_t>{2, 4}));
  }
  EXPECT_EQ(texts(read_bytes("a.csv", "text\n\"a\n\nb\"\n\"\"\n")), (Strings{"a\n\nb", ""}));
}

TEST(RowReader, CsvErrors) {
  const auto error = [](std::string_view bytes) { return read_bytes("a.csv", bytes).error; };
  EXPECT_EQ(error("id,text\n1,\"a\nb\",c\n"), "a.csv:2: 3 columns, expected 2");
  EXPECT_EQ(error("id,text\n1,\"a\n2,b\n"),
            "a.csv:2: a quote opens a field here and the file ends before it is closed");
  EXPECT_EQ(error("id,text\n1,\"a\" b\n"),
            "a.csv:2: text after a closing quote, expected a comma or the end of the line");
  EXPECT_EQ(error(""), "a.csv: is empty, expected a header or rows of columns");
  EXPECT_EQ(error("id,text\n"), "");
}

// As for Python's csv module and pandas; what was left out between rows is said.
TEST(RowReader, BlankLinesOfCsv) {
  Strings said;
  InputOptions options;
  options.say = [&](const std::string& text) { said.push_back(text); };
  for (const size_t chunk : {1, 1000}) {
    said.clear();
    const ReadRows end = read_bytes("a.csv", "text,label\na,1\nb,0\n\n \r\n\n", options, chunk);
    EXPECT_EQ(end.error, "");
    EXPECT_EQ(texts(end), (Strings{"a", "b"}));
    EXPECT_EQ(said, Strings{});
    const ReadRows between =
        read_bytes("a.csv", "\n\ntext,label\n\"a\n\n\",1\n\nb,0\n\n", options, chunk);
    EXPECT_EQ(between.error, "");
    EXPECT_EQ(texts(between), (Strings{"a\n\n", "b"}));
    EXPECT_EQ(lines(between), (std::vector<int64_t>{4, 8}));
    EXPECT_EQ(said, Strings{"a.csv: 3 blank lines were skipped: line 1 and others"});
  }
  said.clear();
  // Of one column, blanks may be the text.
  EXPECT_EQ(texts(read_bytes("a.csv", "text\n  \n\nb\n", options)), (Strings{"  ", "b"}));
  EXPECT_EQ(said, Strings{"a.csv: 1 blank line was skipped: line 3"});
}

// The row after the blank line of TSV is not lost to those who go on.
TEST(RowReader, BlankLinesOfTsv) {
  RowReader reader({{"dev.tsv", std::string_view("\nsentence\tlabel\na\t1\n\n\nb\t0\n\n")}}, {});
  Example row;
  ASSERT_EQ(reader.next(row, true), ReadStatus::row);
  EXPECT_EQ(row.text_a, "a");
  try {
    reader.next(row, true);
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "dev.tsv:4: empty line, expected 2 columns");
  }
  ASSERT_EQ(reader.next(row, true), ReadStatus::row);
  EXPECT_EQ(row.text_a, "b");
  EXPECT_EQ(row.line, 6);
  EXPECT_EQ(reader.next(row, true), ReadStatus::end);
}

TEST(RowReader, LinesThatEndWithCr) {
  for (const size_t chunk : {1, 3, 1000}) {
    EXPECT_EQ(texts(read_bytes("a.csv", "text,label\ra,1\rb,0\r", {}, chunk)), (Strings{"a", "b"}));
    EXPECT_EQ(texts(read_bytes("a.txt", "a\rb\r\rc", {}, chunk)), (Strings{"a", "b", "", "c"}));
    EXPECT_EQ(lines(read_bytes("a.jsonl", "{\"text\":\"a\"}\r{\"text\":\"b\"}", {}, chunk)),
              (std::vector<int64_t>{1, 2}));
    // One \n makes \r an ordinary character.
    EXPECT_EQ(texts(read_bytes("a.txt", "a\rb\nc", {}, chunk)), (Strings{"a\rb", "c"}));
  }
}

TEST(RowReader, Jsonl) {
  const ReadRows read = read_bytes(
      "a.jsonl", "{\"text\":\"x\"}\r\n\r\n \t\n{\"text_a\":\"y\",\"text_b\":\"\",\"id\":\"k\"}");
  EXPECT_EQ(read.error, "");
  EXPECT_EQ(texts(read), (Strings{"x", "y|"}));
  EXPECT_EQ(ids(read), (Strings{"1", "\"k"}));
  EXPECT_EQ(lines(read), (std::vector<int64_t>{1, 4}));
  EXPECT_EQ(read_bytes("a.jsonl", "").error, "");
}

TEST(RowReader, SeveralFilesOfSeveralFormats) {
  const ReadRows read = read_files({{"a.txt", "x\ny"},
                                    {"b.tsv", "sentence\tlabel\nz\t1\n"},
                                    {"empty.txt", ""},
                                    {"c.jsonl", "{\"input_ids\":[5]}\n"},
                                    {"d.csv", "w.\n"}});
  EXPECT_EQ(read.error, "");
  EXPECT_EQ(texts(read), (Strings{"x", "y", "z", "", "w."}));
  EXPECT_EQ(ids(read), (Strings{"1", "2", "3", "4", "5"}));
  EXPECT_EQ(lines(read), (std::vector<int64_t>{1, 2, 2, 1, 1}));
  ASSERT_EQ(read.rows.size(), 5u);
  EXPECT_TRUE(read.rows[3].has_ids);
  EXPECT_FALSE(read.rows[4].has_ids);
  EXPECT_TRUE(read.rows[4].input_ids.empty());
}

TEST(RowReader, SourceNamesTheFile) {
  RowReader reader({{"a.txt", "x"}, {"b.txt", "y"}}, {});
  Example first, second;
  ASSERT_EQ(reader.next(first, true), ReadStatus::row);
  ASSERT_EQ(reader.next(second, true), ReadStatus::row);
  EXPECT_EQ(reader.next(second, true), ReadStatus::end);
  EXPECT_EQ(reader.next(second, true), ReadStatus::end);
  EXPECT_EQ(first.source, "a.txt");
  EXPECT_EQ(second.source, "b.txt");
  EXPECT_EQ(reader.rows(), 2);
  EXPECT_EQ(reader.bytes_total(), 2);
  EXPECT_EQ(reader.bytes_done(), 2);
}

TEST(RowReader, FilesAreCheckedBeforeAnyRow) {
  TemporaryDirectory dir;
  const std::string there = dir.write("a.txt", "x\n"), missing = dir.file("no.txt");
  const ReadRows read = read_files({{there, {}}, {missing, {}}});
  EXPECT_EQ(read.error, missing + ": No such file or directory");
  EXPECT_EQ(read.kind, ErrorKind::input);
  EXPECT_TRUE(read.rows.empty());
  EXPECT_EQ(read_files({{dir.path.string(), {}}}).error,
            dir.path.string() + ": is a directory, expected a file");
  EXPECT_EQ(read_files({{"-", {}}, {"/dev/stdin", {}}}).error, "standard input is named twice");
  EXPECT_EQ(texts(read_files({{there, {}}, {"/dev/null", {}}, {there, {}}})), (Strings{"x", "x"}));
}

TEST(RowReader, ColumnsNeedAFormatThatHasThem) {
  InputOptions options;
  options.text_field = "sentence";
  const ReadRows read = read_bytes("a.txt", "x", options);
  EXPECT_EQ(read.kind, ErrorKind::usage);
  EXPECT_EQ(read.error,
            "a.txt is read as plain text, which has no columns or fields; say "
            "--input-format tsv, csv or jsonl");
}

TEST(RowReader, WouldBlockInsideARecord) {
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  const auto put = [&](std::string_view s) {
    ASSERT_EQ(::write(fds[1], s.data(), s.size()), static_cast<ssize_t>(s.size()));
  };
  RowReader reader({{"/dev/fd/" + std::to_string(fds[0]), {}}}, with_format(InputFormat::csv));
  Example row;
  EXPECT_EQ(reader.bytes_total(), -1);
  EXPECT_EQ(reader.next(row, false), ReadStatus::would_block);
  put("id,text\n");
  EXPECT_EQ(reader.next(row, false), ReadStatus::would_block);
  put("1,\"a\n");
  EXPECT_EQ(reader.next(row, false), ReadStatus::would_block);
  put("b\"\n");
  ASSERT_EQ(reader.next(row, false), ReadStatus::row);
  EXPECT_EQ(row.text_a, "a\nb");
  EXPECT_EQ(row.line, 2);
  EXPECT_EQ(reader.next(row, false), ReadStatus::would_block);
  ::close(fds[1]);
  EXPECT_EQ(reader.next(row, false), ReadStatus::end);
  ::close(fds[0]);
}

TEST(RowReader, StopInsideARecordIsNoError) {
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  ASSERT_EQ(::write(fds[1], "text\n\"a\n", 8), 8);
  std::atomic<bool> stop{false};
  RowReader reader({{"/dev/fd/" + std::to_string(fds[0]), {}}}, with_format(InputFormat::csv),
                   &stop);
  Example row;
  EXPECT_EQ(reader.next(row, false), ReadStatus::would_block);
  stop = true;
  EXPECT_EQ(reader.next(row, true), ReadStatus::end);
  ::close(fds[0]);
  ::close(fds[1]);
}

TEST(RowReader, Formats) {
  EXPECT_EQ(format_of_path("a/b.d/dev.TSV", false), InputFormat::tsv);
  EXPECT_EQ(format_of_path("a.csv", true), InputFormat::csv);
  EXPECT_EQ(format_of_path("a.ndjson", false), InputFormat::jsonl);
  EXPECT_EQ(format_of_path("a.json-lines", false), InputFormat::jsonl);
  EXPECT_EQ(format_of_path("a.json", false), InputFormat::jsonl);
  EXPECT_EQ(format_of_path("a.csv/b", false), InputFormat::text);
  EXPECT_EQ(format_of_path("-", false), InputFormat::text);
  EXPECT_EQ(format_of_path("-", true), InputFormat::tsv);
  EXPECT_EQ(format_of_path("msr.txt", true), InputFormat::tsv);
  EXPECT_EQ(input_format_from_name("jsonl"), InputFormat::jsonl);
  EXPECT_THROW(input_format_from_name("xml"), Error);
}

}  // namespace
}  // namespace costeff::tasks
