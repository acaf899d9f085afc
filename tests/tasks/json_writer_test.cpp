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
    JsonWriter json(&out, indent);
    json.begin_object();
    json.begin_object("empty");
    json.end_object();
    json.field("none", std::vector<int>{});
    json.begin_array("list");
    json.value(1);
    json.value(2.5);
    json.null();
    json.end_array();
    json.begin_object("nested");
    json.begin_object("a");
    json.field("b", true);
    json.begin_array("c");
    json.begin_object();
    json.field("d", "\u00e9");
    json.end_object();
    json.end_array();
    json.end_object();
    json.end_object();
    json.field("last", -1e-7);
    json.end_object();
    EXPECT_EQ(out, expected.dump(indent)) << indent;
  }
}

TEST(JsonWriter, StoredAndOptionalFields) {
  std::string out;
  JsonWriter json(&out);
  json.begin_array();
  json.stored("\"a\"b");  // text
  json.stored("1.0");     // JSON as it is
  json.stored("");
  json.begin_object();
  json.optional_field("a", "");
  json.optional_field("b", "x");
  json.null_field("c");
  json.key_text("k\"");
  json.value(1);
  json.end_object();
  json.end_array();
  EXPECT_EQ(out, R"(["a\"b",1.0,null,{"a":null,"b":"x","c":null,"k\"":1}])");
}

TEST(JsonWriter, AppendsAndAllocatesNothingMoreThanTheText) {
  std::string out = "before ";
  out.reserve(200);
  const char* data = out.data();
  JsonWriter json(&out);
  json.begin_object();
  json.field("text", "a long enough text that would not fit into a small string");
  json.field("numbers", std::vector<float>{0.25f, 1e-7f});
  json.end_object();
  EXPECT_EQ(out, R"(before {"text":"a long enough text that would not fit into a small string",)"
                 R"("numbers":[0.25,1e-07]})");
  EXPECT_EQ(out.data(), data);
}

}  // namespace
}  // namespace costeff::tasks
