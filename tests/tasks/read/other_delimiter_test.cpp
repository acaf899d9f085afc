#include "tasks/read/other_delimiter.h"

#include <gtest/gtest.h>

#include "tasks/read_rows.h"

namespace costeff::tasks {
namespace {

struct Table {
  const char* path;
  const char* text;
  const char* flag;  // that the error names; "": the file is read
};

TEST(OtherDelimiter, ClearlyPartedByAnother) {
  for (const Table& t : {
           Table{"in.csv", "text;label\na good film;1\nbad plot;0\n", "--delimiter ';'"},
           {"in.csv", "\"text\";\"label\"\n\"a; good\";1\n", "--delimiter ';'"},
           {"in.csv", "id;text;score\n1;hello, world;0,5\n", "--delimiter ';'"},
           {"in.csv", "text\tlabel\na\t1\n", "--delimiter tab"},
           {"in.csv", "text|label\na|1\n", "--delimiter '|'"},
           {"in.csv", "review;stars\na;1\nb;2\n",
            "--delimiter ';'"},  // no names, but all lines agree
           {"in.tsv", "sentence,label\na,1\n", "--input-format csv"},
           {"in.tsv", "sentence;label\na;1\n", "--delimiter ';'"},
           {"in.tsv", "sentence,label\r\na,1\r\n", "--delimiter ','"},
           {"in.csv", "text,note;x\na;b,1\n", ""},
           {"in.csv", "text\na; b\nc\n", ""},
           {"in.csv", "text,label\n\"a;b\",1\n", ""},
           {"in.csv", "\"text;x\",text\na,b\n", ""},
           {"in.tsv", "sentence\nwell, yes\nno, not\n", ""},
           {"in.tsv", "sentence\tlabel\na,b,c\t1\n", ""},
       }) {
    SCOPED_TRACE(t.text);
    const ReadRows read = read_bytes(t.path, t.text);
    if (!*t.flag) {
      EXPECT_EQ(read.error, "");
      continue;
    }
    EXPECT_EQ(read.kind, ErrorKind::input);
    EXPECT_TRUE(read.rows.empty());
    EXPECT_EQ(read.error.find(std::string(t.path) + ":1: the columns seem to be separated by "), 0u)
        << read.error;
    EXPECT_NE(read.error.find(t.flag), std::string::npos) << read.error;
  }
}

// Sentences with a comma or semicolon each are no columns.
TEST(OtherDelimiter, ProseIsNotParted) {
  InputOptions options;
  options.header = Header::no;
  EXPECT_EQ(read_bytes("in.tsv", "well, yes\nno, not so\nso, so\nok, fine\n", options).error, "");
  EXPECT_EQ(read_bytes("in.csv", "\"well, yes; no\"\n\"a; b\"\n", options).error, "");
  EXPECT_NE(read_bytes("in.tsv", "a,1\nb,2\nc,3\nd,4\n", options).error, "");
}

TEST(OtherDelimiter, AskedFor) {
  InputOptions options;
  options.delimiter = ';';
  EXPECT_EQ(texts(read_bytes("in.csv", "text;label\n\"a; \"\"b\"\"\";1\nc, d;0\n", options)),
            (Strings{"a; \"b\"", "c, d"}));
  EXPECT_EQ(texts(read_bytes("in.tsv", "text;label\n\"a\";1\n", options)), (Strings{"\"a\""}));
  EXPECT_EQ(read_bytes("in.csv", "text;label\n\"a\" b;1\n", options).error,
            "in.csv:2: text after a closing quote, expected ';' or the end of the line");
  options.delimiter = '\t';
  EXPECT_EQ(texts(read_bytes("in.csv", "text\tlabel\n\"a\tb\"\t1\n", options)), (Strings{"a\tb"}));
  options.delimiter = ',';
  EXPECT_EQ(texts(read_bytes("in.tsv", "text,label\n\"a,1\n", options)), (Strings{"\"a"}));
  // Asked for, it is not doubted.
  options.text_field = "1";
  options.header = Header::no;
  EXPECT_EQ(texts(read_bytes("in.csv", "text;label\n", options)), (Strings{"text;label"}));
  for (const char* path : {"in.jsonl", "in.txt"}) {
    InputOptions only;
    only.delimiter = ';';
    const ReadRows read = read_bytes(path, "x\n", only);
    EXPECT_EQ(read.kind, ErrorKind::usage);
    EXPECT_NE(read.error.find("has no delimiter; say --input-format tsv or csv"), std::string::npos)
        << read.error;
  }
}

TEST(OtherDelimiter, Names) {
  EXPECT_EQ(delimiter_from_text("tab"), '\t');
  EXPECT_EQ(delimiter_from_text("\\t"), '\t');
  EXPECT_EQ(delimiter_from_text("\t"), '\t');
  EXPECT_EQ(delimiter_from_text(";"), ';');
  EXPECT_EQ(delimiter_from_text("|"), '|');
  for (const char* bad : {"", ";;", "\"", "\n", "\xC2\xA6", "comma"}) {
    EXPECT_THROW(delimiter_from_text(bad), Error) << bad;
  }
}

}  // namespace
}  // namespace costeff::tasks
