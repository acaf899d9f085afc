#include "base/parse.h"

#include <gtest/gtest.h>

namespace costeff {
namespace {

using Ints = std::vector<int64_t>;
using Numbers = std::vector<double>;

TEST(Parse, WholeNumbers) {
  const struct {
    const char* text;
    std::optional<int64_t> value;
  } cases[] = {{"0", 0},
               {"12", 12},
               {"-3", -3},
               {"007", 7},
               {"9223372036854775807", INT64_MAX},
               {"9223372036854775808", std::nullopt},
               {"", std::nullopt},
               {" 1", std::nullopt},
               {"1 ", std::nullopt},
               {"+1", std::nullopt},
               {"1.0", std::nullopt},
               {"1e3", std::nullopt},
               {"0x10", std::nullopt},
               {"x", std::nullopt}};
  for (const auto& c : cases) EXPECT_EQ(parse_int(c.text), c.value) << c.text;
  EXPECT_EQ(parse_int("5", 1, 5), 5);
  EXPECT_EQ(parse_int("6", 1, 5), std::nullopt);
  EXPECT_EQ(parse_int("0", 1, 5), std::nullopt);
}

TEST(Parse, Numbers) {
  const struct {
    const char* text;
    std::optional<double> value;
  } cases[] = {{"0.3", 0.3},
               {"-1e-3", -1e-3},
               {"5", 5},
               {"nan", std::nullopt},
               {"inf", std::nullopt},
               {"-inf", std::nullopt},
               {"1e999", std::nullopt},
               {"", std::nullopt},
               {"0,3", std::nullopt},
               {"0.3 ", std::nullopt},
               {"+0.3", std::nullopt},
               {"0.3x", std::nullopt}};
  for (const auto& c : cases) EXPECT_EQ(parse_number(c.text), c.value) << c.text;
}

TEST(Parse, TimeSpans) {
  const struct {
    const char* text;
    std::optional<double> seconds;
  } cases[] = {{"90s", 90},
               {"30m", 1800},
               {"2h", 7200},
               {"1.5h", 5400},
               {"45", 45},
               {"0", 0},
               {"", std::nullopt},
               {"m", std::nullopt},
               {"-1m", std::nullopt},
               {"1 m", std::nullopt},
               {"1d", std::nullopt},
               {"1ms", std::nullopt},
               {"1M", std::nullopt},
               {"1h30m", std::nullopt},
               {"1e308h", std::nullopt},
               {"infs", std::nullopt}};
  for (const auto& c : cases) EXPECT_EQ(parse_seconds(c.text), c.seconds) << c.text;
}

TEST(Parse, Bytes) {
  const struct {
    const char* text;
    std::optional<int64_t> bytes;
  } cases[] = {{"0", 0},
               {"1000", 1000},
               {"2K", 2048},
               {"512M", int64_t{512} << 20},
               {"1.5G", int64_t{3} << 29},
               {"2GiB", int64_t{2} << 30},
               {"2GB", int64_t{2} << 30},
               {"1T", int64_t{1} << 40},
               {"12B", 12},
               {"1B", 1},
               {"", std::nullopt},
               {"G", std::nullopt},
               {"B", std::nullopt},
               {"iB", std::nullopt},
               {"1iB", std::nullopt},
               {"-1G", std::nullopt},
               {"1 G", std::nullopt},
               {"1g", std::nullopt},
               {"1e30", std::nullopt},
               {"9999999999T", std::nullopt}};
  for (const auto& c : cases) EXPECT_EQ(parse_bytes(c.text), c.bytes) << c.text;
}

TEST(Parse, Lists) {
  const struct {
    const char* text;
    std::optional<Ints> value;
  } cases[] = {{"64", Ints{64}},          {"64,256,64", Ints{64, 256, 64}},
               {"1,1000", Ints{1, 1000}}, {"", std::nullopt},
               {",", std::nullopt},       {"64,", std::nullopt},
               {"64,,65", std::nullopt},  {"64, 65", std::nullopt},
               {"64;65", std::nullopt},   {"64,2;128,1", std::nullopt},
               {"64,x", std::nullopt},    {"6.4e1", std::nullopt},
               {"0", std::nullopt},       {"1001", std::nullopt}};
  for (const auto& c : cases) EXPECT_EQ(parse_int_list(c.text, 1, 1000), c.value) << c.text;
  EXPECT_EQ(parse_number_list("0,0.5"), (Numbers{0, 0.5}));
  for (const char* wrong : {"", "0.3,", "0.3;0.4", "0.3,nan"})
    EXPECT_EQ(parse_number_list(wrong), std::nullopt) << wrong;
}

TEST(Parse, Ranges) {
  for (const char* wrong : {"", "1", "1:2", "1:2:", ":1:2", "1:2:3:4", "1:2:x", "0:inf:1", "1,2,3"})
    EXPECT_FALSE(parse_number_range(wrong).has_value()) << wrong;
  const struct {
    const char* text;
    Numbers values;
  } cases[] = {{"0:0.3:0.1", {0, 0.1, 0.2, 0.3}},
               {"0:0.35:0.1", {0, 0.1, 0.2, 0.3}},
               {"2:2:1", {2}},
               {"-1:1:1", {-1, 0, 1}},
               {"0:0.1:0.2", {0}}};
  for (const auto& c : cases) {
    const auto range = parse_number_range(c.text);
    ASSERT_TRUE(range.has_value()) << c.text;
    EXPECT_EQ(numbers_in(*range), c.values) << c.text;
  }
}

TEST(Parse, SplitKeepsEmptyParts) {
  using Parts = std::vector<std::string_view>;
  EXPECT_EQ(split_at("a,b", ','), (Parts{"a", "b"}));
  EXPECT_EQ(split_at("", ','), (Parts{""}));
  EXPECT_EQ(split_at(",a,", ','), (Parts{"", "a", ""}));
  EXPECT_EQ(split_at("a,b", ';'), (Parts{"a,b"}));
}

TEST(Parse, LettersAndExtensions) {
  EXPECT_EQ(lower_ascii("SST-2 \xC3\x84Z"), "sst-2 \xC3\x84z");
  const struct {
    const char* path;
    bool json;
  } cases[] = {{"a.json", true}, {"A.JSON", true}, {"d/b.Json", true}, {"a.jsonl", false},
               {"json", false},  {".json", false}, {"a.json.", false}, {"", false}};
  for (const auto& c : cases) EXPECT_EQ(has_extension(c.path, ".json"), c.json) << c.path;
}

}  // namespace
}  // namespace costeff
