#include "tasks/write/token_writer.h"

#include <costeff/error.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/error_of.h"
#include "tasks/lines/row_id.h"

namespace costeff::tasks {
namespace {

struct TokenRow {
  Example example;
  Tokens tokens;
  std::vector<std::string> names;
  std::string text(TokenFormat format) const {
    std::string out;
    append_token_row(example, tokens, names, format, &out);
    return out;
  }
};

TokenRow pair_row() {
  TokenRow r;
  set_number_id(7, &r.example.id);
  r.tokens.ids = {2, 5, 3, 9, 3};
  r.tokens.type_ids = {0, 0, 0, 1, 1};
  r.tokens.text = {-1, 0, -1, 1, -1};
  r.tokens.bytes = {{0, 0}, {0, 4}, {0, 0}, {1, 3}, {0, 0}};
  r.tokens.chars = {{0, 0}, {0, 3}, {0, 0}, {1, 2}, {0, 0}};
  r.names = {"[CLS]", "caf\xC3\xA9", "[SEP]", "##\"", "[SEP]"};
  return r;
}

TEST(TokenWriter, Text) {
  EXPECT_EQ(pair_row().text(TokenFormat::text), "[CLS] caf\xC3\xA9 [SEP] ##\" [SEP]\n");
}

TEST(TokenWriter, Tsv) {
  std::string header;
  append_token_header(TokenFormat::tsv, &header);
  EXPECT_EQ(header, "id\ttokens\tinput_ids\toffsets\n");
  EXPECT_EQ(pair_row().text(TokenFormat::tsv),
            "7\t[CLS] caf\xC3\xA9 [SEP] ##\" [SEP]\t2 5 3 9 3\t- a:0-4 - b:1-3 -\n");
}

TEST(TokenWriter, Jsonl) {
  std::string header;
  append_token_header(TokenFormat::jsonl, &header);
  append_token_header(TokenFormat::text, &header);
  EXPECT_EQ(header, "");
  EXPECT_EQ(pair_row().text(TokenFormat::jsonl),
            "{\"id\":7,\"tokens\":[\"[CLS]\",\"caf\xC3\xA9\",\"[SEP]\",\"##\\\"\",\"[SEP]\"],"
            "\"input_ids\":[2,5,3,9,3],\"token_type_ids\":[0,0,0,1,1],\"sequence_ids\":[null,0,"
            "null,1,null],"
            "\"byte_offsets\":[[0,0],[0,4],[0,0],[1,3],[0,0]],\"char_offsets\":[[0,0],[0,3],[0,0],["
            "1,2],[0,0]]}\n");
}

// Rows that came as ids have no text to point into.
TEST(TokenWriter, OwnIds) {
  TokenRow r;
  set_text_id("a\tb", &r.example.id);
  r.example.has_ids = true;
  r.tokens.ids = {5};
  r.tokens.type_ids = {0};
  r.names = {"x\ny"};
  EXPECT_EQ(r.text(TokenFormat::jsonl),
            "{\"id\":\"a\\tb\",\"tokens\":[\"x\\ny\"],\"input_ids\":[5],\"token_type_ids\":[0]}\n");
  EXPECT_EQ(r.text(TokenFormat::tsv), "a\\tb\tx\\ny\t5\t\n");
  EXPECT_EQ(r.text(TokenFormat::text), "x\\ny\n");
}

TEST(TokenWriter, Names) {
  EXPECT_EQ(token_format_from_name("jsonl"), TokenFormat::jsonl);
  EXPECT_EQ(error_of(ErrorKind::usage, [] { token_format_from_name("csv"); }),
            "output format \"csv\" is not known, expected one of text, tsv, jsonl");
}

}  // namespace
}  // namespace costeff::tasks
