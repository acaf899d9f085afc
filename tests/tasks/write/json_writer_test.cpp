#include "tasks/write/json_writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>

namespace costeff::tasks {
namespace {

using OrderedJson = nlohmann::ordered_json;

template <typename T>
std::string written(const T& value) {
  std::string out;
  JsonWriter(&out).value(value);
  return out;
}

TEST(JsonWriter, Values) {
  EXPECT_EQ(written(true), "true");
  EXPECT_EQ(written(false), "false");
  EXPECT_EQ(written(-7), "-7");
  EXPECT_EQ(written(size_t{3}), "3");
  EXPECT_EQ(written(std::numeric_limits<int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(written(std::numeric_limits<uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(written(1.0f), "1");
  EXPECT_EQ(written(0.1f), "0.1");
  EXPECT_EQ(written(std::nanf("")), "null");
  EXPECT_EQ(written(1.0), "1.0");
  EXPECT_EQ(written(static_cast<double>(0.1f)), "0.10000000149011612");
  EXPECT_EQ(written(std::nan("")), "null");
  EXPECT_EQ(written(-std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(written("a \"b\""), R"("a \"b\"")");
  EXPECT_EQ(written(std::string("x\ny")), R"("x\ny")");
  EXPECT_EQ(written(std::string_view("\xFF")), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(written(std::vector<double>{}), "[]");
  EXPECT_EQ(written(std::vector<std::string>{"a", "b"}), R"(["a","b"])");
  EXPECT_EQ(written(std::vector<float>{0.5f, 2}), "[0.5,2]");
  const int32_t ids[] = {4, 5};
  EXPECT_EQ(written(std::span(ids)), "[4,5]");
}

// The text is that of nlohmann's dump(), which reports were written with at first.
TEST(JsonWriter, LayoutIsThatOfAJsonLibrary) {
  const OrderedJson expected = {{"empty", OrderedJson::object()},
                                {"none", OrderedJson::array()},
                                {"list", {1, 2.5, nullptr}},
                                {"nested", {{"a", {{"b", true}, {"c", {{{"d", "\u00e9"}}}}}}}},
                                {"last", -1e-7}};
  for (const int indent : {-1, 0, 1, 2}) {
    std::string out;
    JsonWriter writer(&out, indent);
    writer.begin_object();
    writer.begin_object("empty");
    writer.end_object();
    writer.field("none", std::vector<int>{});
    writer.begin_array("list");
    writer.value(1);
    writer.value(2.5);
    writer.null();
    writer.end_array();
    writer.begin_object("nested");
    writer.begin_object("a");
    writer.field("b", true);
    writer.begin_array("c");
    writer.begin_object();
    writer.field("d", "\u00e9");
    writer.end_object();
    writer.end_array();
    writer.end_object();
    writer.end_object();
    writer.field("last", -1e-7);
    writer.end_object();
    EXPECT_EQ(out, expected.dump(indent)) << indent;
  }
}

TEST(JsonWriter, StoredAndOptionalFields) {
  std::string out;
  JsonWriter writer(&out);
  writer.begin_array();
  writer.stored("\"a\"b");  // text
  writer.stored("1.0");     // JSON as it is
  writer.stored("");
  writer.begin_object();
  writer.optional_field("a", "");
  writer.optional_field("b", "x");
  writer.null_field("c");
  writer.key_text("k\"");
  writer.value(1);
  writer.end_object();
  writer.end_array();
  EXPECT_EQ(out, R"(["a\"b",1.0,null,{"a":null,"b":"x","c":null,"k\"":1}])");
}

TEST(JsonWriter, AppendsAndAllocatesNothingMoreThanTheText) {
  std::string out = "before ";
  out.reserve(200);
  const char* data = out.data();
  JsonWriter writer(&out);
  writer.begin_object();
  writer.field("text", "a long enough text that would not fit into a small string");
  writer.field("numbers", std::vector<float>{0.25f, 1e-7f});
  writer.end_object();
  EXPECT_EQ(out, R"(before {"text":"a long enough text that would not fit into a small string",)"
                 R"("numbers":[0.25,1e-07]})");
  EXPECT_EQ(out.data(), data);
}

}  // namespace
}  // namespace costeff::tasks
