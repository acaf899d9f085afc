#include "base/json/json_events.h"

#include <gtest/gtest.h>

#include "base/error_of.h"
#include "base/json/json.h"

namespace costeff {
namespace {

// Records events: kind, depth and value.
struct Recorder {
  std::string seen;
  void on(const JsonEvent& e) {
    static const char* const kNames[] = {"null", "bool", "unsigned", "negative", "real", "string",
                                         "key",  "{",    "}",        "[",        "]"};
    seen += fmt::format("{}@{}", kNames[static_cast<size_t>(e.kind)], e.depth);
    if (e.kind == JsonKind::boolean) seen += e.boolean ? "=true" : "=false";
    if (e.kind == JsonKind::unsigned_int) seen += fmt::format("={}", e.unsigned_int);
    if (e.kind == JsonKind::negative_int) seen += fmt::format("={}", e.negative_int);
    if (e.kind == JsonKind::real) seen += fmt::format("={}", e.real);
    if (e.text) seen += "=" + *e.text;
    seen += ' ';
  }
};

struct EventCase {
  const char *text, *events;
};

TEST(JsonEvents, TellKindDepthAndValue) {
  const EventCase kCases[] = {
      {"null", "null@0 "},
      {"[]", "[@0 ]@0 "},
      {R"({"a": [1, -2, {"b": "x\n"}], "c": true})",
       "{@0 key@1=a [@1 unsigned@2=1 negative@2=-2 {@2 key@3=b string@3=x\n }@2 ]@1 key@1=c "
       "bool@1=true }@0 "},
      {"[18446744073709551615, 18446744073709551616, -9223372036854775808, 1.5, 1e2]",
       "[@0 unsigned@1=18446744073709551615 real@1=1.8446744073709552e+19 "
       "negative@1=-9223372036854775808 real@1=1.5 real@1=100 ]@0 "},
      {R"({"a": 1, "a": 2})", "{@0 key@1=a unsigned@1=1 key@1=a unsigned@1=2 }@0 "},
  };
  for (const EventCase& c : kCases) {
    Recorder r;
    read_json_events(c.text, "c", ErrorKind::model, r);
    EXPECT_EQ(r.seen, c.events) << c.text;
  }
}

TEST(JsonEvents, RefuseWhatIsNotJson) {
  const auto error = [](std::string_view text) {
    return error_of(ErrorKind::input, [&] {
      Recorder r;
      read_json_events(text, "c", ErrorKind::input, r);
    });
  };
  EXPECT_EQ(error(std::string_view("[]\0", 3)), "c: holds a NUL byte, expected JSON");
  for (const char* text : {"", "[", "[1,]", "{} x", "NaN", "'a'", "[1e999]", "\"\xFF\"", "// x\n1"})
    EXPECT_TRUE(error(text).starts_with("c: not valid JSON: ")) << text << ": " << error(text);
}

// One limit, with and without a tree.
TEST(JsonEvents, BoundTheDepth) {
  const std::string place = "c";
  for (const char* part : {"[", "{\"a\":"}) {
    for (const int depth : {kMaxJsonDepth, kMaxJsonDepth + 1, 1'000'000}) {
      std::string text;
      for (int i = 0; i < depth; ++i) text += part;
      text += "1";
      for (int i = 0; i < depth; ++i) text += part[0] == '[' ? ']' : '}';
      const std::string expected =
          depth <= kMaxJsonDepth ? "" : "c: JSON nested deeper than 64 levels";
      EXPECT_EQ(error_of(ErrorKind::model,
                         [&] {
                           Recorder r;
                           read_json_events(text, place, ErrorKind::model, r);
                         }),
                expected)
          << part << depth;
      EXPECT_EQ(error_of(ErrorKind::model, [&] { parse_json(text, place, ErrorKind::model); }),
                expected)
          << part << depth;
    }
  }
}

// parse_json builds the tree that nlohmann's own parser builds.
TEST(ParseJson, BuildsTheWholeTree) {
  for (const char* text :
       {"null", "true", "0", "-1", "18446744073709551615", "1.25", "\"\"", "[]", "{}",
        R"({"b": [], "a": {"x": [1, [2, {"y": null}], -3]}, "": "\u00e9"})",
        R"([[[]], {}, [{"a": {"b": {}}}, false], "x", 1e-3])"}) {
    const Json ours = parse_json(text, "c", ErrorKind::model), theirs = Json::parse(text);
    EXPECT_EQ(ours, theirs) << text;
    EXPECT_EQ(ours.type(), theirs.type()) << text;
  }
}

}  // namespace
}  // namespace costeff
