// The lexer against a JSON library: the same documents are accepted, and give the same tokens,
// however the input is cut into chunks.

#include "tasks/lines/json_lexer.h"

#include <costeff/error.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "base/error_of.h"
#include "sanitized.h"
#include "test_random.h"

namespace costeff::tasks {
namespace {

using nlohmann::json;

// "{ k:a s:x n:1 }" and the like, one item a token.
std::string tokens_of(std::string_view text, size_t chunk = 256u << 10) {
  JsonLexer lexer({"doc", text}, nullptr, chunk);
  std::string out;
  for (;;) {
    switch (lexer.next()) {
      case JsonToken::object_begin:
        out += "{ ";
        break;
      case JsonToken::object_end:
        out += "} ";
        break;
      case JsonToken::array_begin:
        out += "[ ";
        break;
      case JsonToken::array_end:
        out += "] ";
        break;
      case JsonToken::key:
        out += "k:" + lexer.text() + " ";
        break;
      case JsonToken::string:
        out += "s:" + lexer.text() + " ";
        break;
      case JsonToken::number:
        out += "n:" + lexer.text() + " ";
        break;
      case JsonToken::boolean:
        out += lexer.text() + " ";
        break;
      case JsonToken::null:
        out += "null ";
        break;
      case JsonToken::end:
        return out;
    }
  }
}

std::string lexer_error(std::string_view text, size_t chunk = 256u << 10) {
  return error_of(ErrorKind::input, [&] { tokens_of(text, chunk); });
}

// What the library makes of a document, as the tokens it stands for.
void append_tokens(const json& j, std::string* out) {
  if (j.is_object() || j.is_array()) {
    *out += j.is_object() ? "{ " : "[ ";
    for (const auto& item : j.items()) {
      if (j.is_object()) *out += "k:" + item.key() + " ";
      append_tokens(item.value(), out);
    }
    *out += j.is_object() ? "} " : "] ";
  } else if (j.is_string()) {
    *out += "s:" + j.get<std::string>() + " ";
  } else if (j.is_number()) {
    *out += "n:" + j.dump() + " ";
  } else {
    *out += j.dump() + " ";
  }
}

json random_json(std::mt19937_64* rng, int depth) {
  const auto text = [&] {
    static const char* kPieces[] = {
        "a", "\"", "\\", "/", "\n", "\x01", "\xC3\xA9", "\xE4\xBD\xA0", "\xF0\x9F\x98\x80", " "};
    std::string s;
    for (uint64_t n = (*rng)() % 6; n > 0; --n) s += kPieces[(*rng)() % 10];
    return s;
  };
  switch ((*rng)() % (depth > 4 ? 5 : 8)) {
    case 0:
      return nullptr;
    case 1:
      return (*rng)() % 2 == 0;
    case 2:
      return static_cast<int64_t>((*rng)() % 2000) - 1000;
    case 3:
      return static_cast<double>((*rng)() % 1000) / 64;
    case 4:
      return text();
    case 5: {
      json j = json::object();
      for (uint64_t n = (*rng)() % 4; n > 0; --n) j[text()] = random_json(rng, depth + 1);
      return j;
    }
    default: {
      json j = json::array();
      for (uint64_t n = (*rng)() % 4; n > 0; --n) j.push_back(random_json(rng, depth + 1));
      return j;
    }
  }
}

TEST(JsonLexer, GivesTheTokensOfRandomDocuments) {
  std::mt19937_64 rng(test_seed());
  for (int round = 0; round < 3000; ++round) {
    const json j = random_json(&rng, 0);
    const std::string text =
        j.dump(round % 3 - 1, ' ', round % 2 == 0);  // compact or not, \u or not
    std::string expected;
    append_tokens(j, &expected);
    ASSERT_EQ(tokens_of(text), expected) << text;
    ASSERT_EQ(tokens_of(text, 1 + rng() % 7), expected) << text;
  }
}

// Byte order marks, and numbers beyond double, are beyond what the two agree on.
TEST(JsonLexer, AcceptsWhatTheLibraryAccepts) {
  std::mt19937_64 rng(test_seed() + 1);
  constexpr std::string_view kBytes =
      "{}[]\",:\\u0123456789abcdefDd+-.eEtrufalsn \n\t\x01\x80\xC3\xA9\xED\xFF/";
  const int rounds = kSanitized ? 2000 : 20000;
  int accepted = 0;
  for (int round = 0; round < rounds; ++round) {
    std::string text = random_json(&rng, 0).dump(-1, ' ', round % 2 == 0);
    for (uint64_t n = rng() % 3; n > 0; --n) {
      const size_t at = rng() % (text.size() + 1);
      switch (rng() % 3) {
        case 0:
          text.insert(at, 1, kBytes[rng() % kBytes.size()]);
          break;
        case 1:
          if (at < text.size()) text.erase(at, 1);
          break;
        default:
          if (at < text.size()) text[at] = kBytes[rng() % kBytes.size()];
          break;
      }
    }
    bool expected = true;
    try {
      const json parsed = json::parse(text);
    } catch (const json::out_of_range&) {
      continue;  // 1e999
    } catch (const json::parse_error&) {
      expected = false;
    }
    accepted += expected;
    ASSERT_EQ(lexer_error(text).empty(), expected) << text << "\n" << lexer_error(text);
    ASSERT_EQ(lexer_error(text, 1), lexer_error(text)) << text;
  }
  EXPECT_GT(accepted, rounds / 4);
}

TEST(JsonLexer, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(lexer_error(""), "doc: byte 0: the document ends, expected a value");
  EXPECT_EQ(lexer_error("{\"a\":1"), "doc: byte 6: the document ends, expected , or }");
  EXPECT_EQ(lexer_error("[1,]"), "doc: byte 3: not valid JSON: found ], expected a value");
  EXPECT_EQ(lexer_error("{a:1}"), "doc: byte 1: not valid JSON: found a, expected a key in quotes");
  EXPECT_EQ(lexer_error("{\"a\" 1}"), "doc: byte 5: not valid JSON: found 1, expected :");
  EXPECT_EQ(lexer_error("[1] 2"),
            "doc: byte 4: not valid JSON: found 2, expected the end of the document");
  EXPECT_EQ(lexer_error("[01]"), "doc: byte 3: not valid JSON: 01, expected a number");
  EXPECT_EQ(lexer_error("[nul]"), "doc: byte 4: not valid JSON: nul, expected a value");
  EXPECT_EQ(lexer_error("[\"a\nb\"]"),
            "doc: byte 3: not valid JSON: found \\n, expected the rest of a string");
  EXPECT_EQ(lexer_error("[\"a"), "doc: byte 3: the document ends, expected the rest of a string");
  EXPECT_EQ(lexer_error("[\"\\x\"]"),
            "doc: byte 3: not valid JSON: found x, expected one of \" \\ / b f n r t u after \\");
  EXPECT_EQ(lexer_error("[\"\\"),
            "doc: byte 3: the document ends, expected one of \" \\ / b f n r t u after \\");
  EXPECT_EQ(lexer_error("[\"\\ud800x\"]"),
            "doc: byte 8: half of a surrogate pair, \\uD800 to \\uDBFF");
  EXPECT_EQ(lexer_error("[\"\\uDC00\"]"),
            "doc: byte 8: half of a surrogate pair, \\uDC00 to \\uDFFF");
  EXPECT_EQ(lexer_error("[\"\xFF\"]"),
            "doc: byte 4: a string that is not UTF-8, expected JSON in UTF-8");
  EXPECT_EQ(lexer_error("\xFF"),
            "doc: byte 0: not valid JSON: found a byte beyond ASCII, expected a value");
}

TEST(JsonLexer, NestingIsBounded) {
  EXPECT_EQ(lexer_error(std::string(64, '[') + std::string(64, ']')), "");
  EXPECT_EQ(lexer_error(std::string(65, '[')), "doc: byte 64: JSON nested deeper than 64 levels");
  EXPECT_EQ(lexer_error(std::string(1 << 20, '[')),
            "doc: byte 64: JSON nested deeper than 64 levels");
}

TEST(JsonLexer, StringsAndNumbersAreBounded) {
  EXPECT_EQ(lexer_error(std::string(2000, '1')).substr(0, 40),
            "doc: byte 1000: not valid JSON: found 1,");
  EXPECT_EQ(lexer_error("\"" + std::string((64u << 20) + 5, 'a')).substr(0, 11), "doc: byte 6");
}

TEST(JsonLexer, SkipsWholeValues) {
  JsonLexer lexer({"doc", "[{\"a\":[1,{\"b\":[]}]}, 2, [], \"s\"]"});
  EXPECT_EQ(lexer.next(), JsonToken::array_begin);
  lexer.skip(lexer.next());
  EXPECT_EQ(lexer.next(), JsonToken::number);
  lexer.skip(lexer.next());
  const JsonToken last = lexer.next();
  lexer.skip(last);
  EXPECT_EQ(last, JsonToken::string);
  EXPECT_EQ(lexer.next(), JsonToken::array_end);
  EXPECT_EQ(lexer.next(), JsonToken::end);
  EXPECT_EQ(lexer.next(), JsonToken::end);
}

// What is skipped may be what Python's json writes; what is asked for may not.
TEST(JsonLexer, SkipsMoreThanItGives) {
  for (const std::string value :
       {"NaN", "[-Infinity]", "\"\\ud800\"", "\"\xFF\"", "[[[1e999]]]", "{\"a\": Infinity}"}) {
    for (const size_t chunk : {1, 100}) {
      const std::string text = "[[" + value + "], 2]";
      JsonLexer lexer({"doc", text}, nullptr, chunk);
      EXPECT_EQ(lexer.next(), JsonToken::array_begin);
      lexer.skip(lexer.next());
      EXPECT_EQ(lexer.next(), JsonToken::number);
      EXPECT_EQ(lexer.next(), JsonToken::array_end);
      EXPECT_EQ(lexer.next(), JsonToken::end);
    }
    if (value.find("999") != std::string::npos) continue;
    EXPECT_NE(lexer_error("[" + value + "]"), "") << value;
  }
}

TEST(JsonLexer, TakesAByteOrderMark) {
  EXPECT_EQ(tokens_of("\xEF\xBB\xBF [1]", 1), "[ n:1 ] ");
  EXPECT_EQ(lexer_error("\xEF\xBB[1]"), "doc: byte 2: not valid JSON: found [, expected JSON");
}

}  // namespace
}  // namespace costeff::tasks
