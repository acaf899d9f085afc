#include "base/json/json.h"

#include <gtest/gtest.h>

#include "base/error_of.h"
#include "tiny_checkpoint.h"

namespace costeff {
namespace {

std::string parse_error(const std::string& text) {
  return error_of(ErrorKind::model, [&] { parse_json(text, "c.json", ErrorKind::model); });
}

TEST(ParseJson, RefusesWhatIsNotJson) {
  EXPECT_NE(parse_error("").find("c.json: not valid JSON"), std::string::npos);
  EXPECT_NE(parse_error("{\"a\": }").find("c.json: not valid JSON"), std::string::npos);
  EXPECT_NE(parse_error("{} x").find("not valid JSON"), std::string::npos);
  EXPECT_NE(parse_error("{\"a\": NaN}").find("not valid JSON"), std::string::npos);
  EXPECT_EQ(parse_error("\"\xE9\""), "c.json: not UTF-8, expected JSON in UTF-8");
  EXPECT_EQ(parse_error(std::string("{}\0{", 4)), "c.json: holds a NUL byte, expected JSON");
}

TEST(ParseJson, RefusesAKeyTwice) {
  EXPECT_EQ(parse_error("{\"a\": 1, \"b\": {\"a\": 2}, \"a\": 3}"), "c.json: duplicate key \"a\"");
  EXPECT_EQ(parse_error("[{\"a\": 1}, {\"a\": 1}]"), "");
}

TEST(ParseJson, RefusesDeepNesting) {
  EXPECT_EQ(parse_error(std::string(60, '[') + std::string(60, ']')), "");
  EXPECT_EQ(parse_error(std::string(1000000, '[')), "c.json: JSON nested deeper than 64 levels");
}

TEST(ReadJsonObject, NamesFileAndFault) {
  TempDir dir;
  const std::string path = dir.file("c.json");
  const auto read = [&] {
    return error_of(ErrorKind::model, [&] { read_json_object(path, ErrorKind::model, 100); });
  };
  EXPECT_EQ(read(), path + ": No such file or directory");
  write_file(path, "");
  EXPECT_EQ(read(), path + ": is empty, expected a JSON object");
  write_file(path, "[1]");
  EXPECT_EQ(read(), path + ": is [1], expected a JSON object");
  write_file(path, std::string(101, ' '));
  EXPECT_EQ(read(), path + ": 101 bytes, expected at most 100");
  write_file(path, "{\"a\": 1}");
  EXPECT_EQ(read(), "");
}

TEST(TypedKeys, RangesAndTypes) {
  const Json j =
      parse_json(R"({"n": 3, "big": 18446744073709551618, "u": 18446744073709551615, "x": 1.5,
                               "s": "t", "b": true, "z": null})",
                 "c", ErrorKind::model);
  const auto integer = [&](const char* key) {
    return error_of(ErrorKind::model, [&] { json_int(j, key, 7, 0, 10, "c", ErrorKind::model); });
  };
  EXPECT_EQ(json_int(j, "n", 7, 0, 10, "c", ErrorKind::model), 3);
  EXPECT_EQ(json_int(j, "absent", 7, 0, 10, "c", ErrorKind::model), 7);
  EXPECT_EQ(integer("x"), "c: x is 1.5, expected an integer from 0 to 10");
  EXPECT_EQ(integer("s"), "c: s is \"t\", expected an integer from 0 to 10");
  EXPECT_EQ(integer("z"), "c: z is null, expected an integer from 0 to 10");
  EXPECT_EQ(integer("u"), "c: u is 18446744073709551615, expected an integer from 0 to 10");
  EXPECT_NE(integer("big"), "");  // 2^64 + 2: a double, never 2
  EXPECT_EQ(json_number(j, "x", 0, 0, 2, "c", ErrorKind::model), 1.5);
  EXPECT_NE(
      error_of(ErrorKind::model, [&] { json_number(j, "x", 0, 0, 1, "c", ErrorKind::model); }), "");
  EXPECT_TRUE(json_bool(j, "b", false, "c", ErrorKind::model));
  EXPECT_EQ(error_of(ErrorKind::model, [&] { json_bool(j, "s", false, "c", ErrorKind::model); }),
            "c: s is \"t\", expected true or false");
  EXPECT_EQ(json_string(j, "s", "c", ErrorKind::model), "t");
  EXPECT_EQ(json_string(j, "z", "c", ErrorKind::model), std::nullopt);
  EXPECT_EQ(error_of(ErrorKind::model, [&] { json_string(j, "n", "c", ErrorKind::model); }),
            "c: n is 3, expected a string");
}

}  // namespace
}  // namespace costeff
