#include "tasks/lines/json_slices.h"

#include <gtest/gtest.h>

namespace costeff::tasks {
namespace {

struct FindCase {
  const char *object, *name, *value;
};

TEST(JsonSlices, ValuesAsTheyAreWritten) {
  const FindCase cases[] = {
      {R"({"a":1.0})", "a", "1.0"},
      {R"( { "a" : 1E5 , "b" : "x" } )", "a", "1E5"},
      {R"({"b":"}","a":"{\"a\":2"})", "a", R"("{\"a\":2")"},
      {R"({"b":[1,{"a":2}],"a":[ "]" , {} ]})", "a", R"([ "]" , {} ])"},
      {R"({"b":"\\","a":null})", "a", "null"},
      {R"({"a":1,"a":2})", "a", "2"},
      {R"({"\u0061":true})", "a", "true"},
      {R"({"b":{"a":1}})", "a", ""},
      {R"({})", "a", ""},
      {R"({"a":{"b":{"c":3}}})", "a.b.c", "3"},
      {R"({"a":{"b.c":4}})", "a.b.c", "4"},
      {R"({"a.b":{"c":5}})", "a.b.c", "5"},
      {R"({"a":{"b":1},"a.b":2})", "a.b", "2"},
      {R"({"a":[{"b":1}]})", "a.b", ""},
      {R"({"":{"b":1}})", ".b", "1"},
  };
  for (const FindCase& c : cases) {
    const std::vector<std::string> names{c.name};
    std::vector<std::string_view> values;
    find_json_values(c.object, names, &values);
    EXPECT_EQ(values, std::vector<std::string_view>{c.value}) << c.object << " " << c.name;
  }
}

TEST(JsonSlices, Keys) {
  EXPECT_EQ(json_keys(R"( {"a":{"x":1}, "b\"c" :[{"y":2}],"\u00e9":3} )"),
            (std::vector<std::string>{"a", "b\"c", "\xC3\xA9"}));
  EXPECT_TRUE(json_keys("{ }").empty());
}

TEST(JsonSlices, Unescaped) {
  const struct {
    const char *string, *text;
  } cases[] = {
      {R"("")", ""},
      {R"("a\b\f\n\r\t\/\\\"")", "a\b\f\n\r\t/\\\""},
      {R"("\u00e9\u4E2d")", "\xC3\xA9\xE4\xB8\xAD"},
      {R"("\ud83d\ude00")", "\xF0\x9F\x98\x80"},
      {R"("\ud83dx")", "\xEF\xBF\xBDx"},
      {R"("\ude00\ud83d")", "\xEF\xBF\xBD\xEF\xBF\xBD"},
      {R"("\ud83d\u0041")",
       "\xEF\xBF\xBD"
       "A"},
  };
  for (const auto& c : cases) {
    std::string text = "old";
    unescape_json_string(c.string, &text);
    EXPECT_EQ(text, c.text) << c.string;
  }
}

TEST(JsonSlices, Compact) {
  const struct {
    const char *value, *text;
  } cases[] = {
      {" 1 ", "1"},
      {"[ 1 ,\n\t2 ]", "[1,2]"},
      {R"({ "a b" : " c " })", R"({"a b":" c "})"},
      {R"([ NaN, -Infinity,Infinity , "NaN", "\" NaN" ])", R"([null,null,null,"NaN","\" NaN"])"},
  };
  for (const auto& c : cases) {
    std::string text;
    append_compact_json(c.value, &text);
    EXPECT_EQ(text, c.text);
  }
}

// Text that is no JSON ends, whatever comes out.
TEST(JsonSlices, BrokenTextEnds) {
  const std::string whole = R"({"a":{"b":[1,"x\u00e9"]},"c" : "d\\"})";
  for (size_t size = 0; size <= whole.size(); ++size) {
    const std::vector<std::string> names{"a.b", "c"};
    std::vector<std::string_view> values;
    find_json_values(std::string_view(whole).substr(0, size), names, &values);
    EXPECT_EQ(values.size(), 2u);
    std::string text;
    append_compact_json(std::string_view(whole).substr(0, size), &text);
    EXPECT_LE(text.size(), size);
  }
}

}  // namespace
}  // namespace costeff::tasks
