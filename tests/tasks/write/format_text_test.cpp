#include "tasks/write/format_text.h"

#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "base/utf8.h"

namespace costeff::tasks {
namespace {

template <typename F, typename... Args>
std::string made(F append, Args... args) {
  std::string out;
  append(args..., &out);
  return out;
}

TEST(FormatText, Floats) {
  EXPECT_EQ(made(append_float, 0.1f), "0.1");
  EXPECT_EQ(made(append_float, 1.0f), "1");
  EXPECT_EQ(made(append_float, 1e-7f), "1e-07");
  EXPECT_EQ(made(append_float, -0.0f), "-0");
  EXPECT_EQ(made(append_float, std::numeric_limits<float>::max()), "3.4028235e+38");
  EXPECT_EQ(made(append_float, std::nanf("")), "nan");
  EXPECT_EQ(made(append_json_float, 0.99931264f), "0.99931264");
  EXPECT_EQ(made(append_json_float, std::nanf("")), "null");
  EXPECT_EQ(made(append_json_float, -std::numeric_limits<float>::infinity()), "null");
  EXPECT_EQ(made(append_fixed, 0.9996f, 3), "1.000");
  EXPECT_EQ(made(append_fixed, -std::numeric_limits<float>::max(), 3),
            "-340282346638528859811704183484516925440.000");
  EXPECT_EQ(made(append_int, int64_t{-42}), "-42");
}

TEST(FormatText, FloatsReadBackBitForBit) {
  std::mt19937 random(7);
  for (int i = 0; i < 20000; ++i) {
    const auto bits = static_cast<uint32_t>(random());
    float value;
    std::memcpy(&value, &bits, 4);
    if (!std::isfinite(value)) continue;
    const std::string text = made(append_json_float, value);
    float back = 0;
    std::from_chars(text.data(), text.data() + text.size(), back);
    EXPECT_EQ(std::memcmp(&back, &value, 4), 0) << text;
  }
}

TEST(FormatText, JsonStrings) {
  EXPECT_EQ(made(append_json_string, "a\"b\\c/\n\r\t\b\x01\x7F"),
            R"("a\"b\\c/\n\r\t\u0008\u0001\u007f")");
  EXPECT_EQ(made(append_json_string, "\xC3\xA9\xF0\x9F\x98\x80"), "\"\xC3\xA9\xF0\x9F\x98\x80\"");
  EXPECT_EQ(made(append_json_string, "x\xFFy\xE4\xB8"), "\"x\xEF\xBF\xBDy\xEF\xBF\xBD\"");
  EXPECT_EQ(made(append_json_string, std::string_view("\0", 1)), "\"\\u0000\"");
}

TEST(FormatText, TsvFields) {
  EXPECT_EQ(made(append_tsv_field, "a\tb\nc\rd\\e \"f\" \xFF"), "a\\tb\\nc\\rd\\\\e \"f\" \xFF");
}

TEST(FormatText, CsvFields) {
  EXPECT_EQ(made(append_csv_field, "plain \\ text"), "plain \\ text");
  EXPECT_EQ(made(append_csv_field, ""), "");
  EXPECT_EQ(made(append_csv_field, "a,b"), "\"a,b\"");
  EXPECT_EQ(made(append_csv_field, "a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(made(append_csv_field, "a\nb"), "\"a\nb\"");
}

std::string cell(std::string_view text, int64_t width, bool pad = true, Align align = Align::left) {
  return made(append_cell, text, width, align, pad);
}

TEST(FormatText, Cells) {
  EXPECT_EQ(cell("abc", 5), "abc  ");
  EXPECT_EQ(cell("abc", 5, true, Align::right), "  abc");
  EXPECT_EQ(cell("abc", 5, false), "abc");
  EXPECT_EQ(cell("abcde", 5), "abcde");
  EXPECT_EQ(cell("abcdef", 5), "abcd\xE2\x80\xA6");
  EXPECT_EQ(cell("abcdef", 1), "\xE2\x80\xA6");
  EXPECT_EQ(cell("abcdef", 0), "");
  EXPECT_EQ(cell("", 2), "  ");
  // Wide characters take two columns; one that does not fit leaves a blank.
  EXPECT_EQ(cell("\xE4\xB8\xAD\xE6\x96\x87", 4), "\xE4\xB8\xAD\xE6\x96\x87");
  EXPECT_EQ(cell("\xE4\xB8\xAD\xE6\x96\x87\xE5\xAD\x97", 5),
            "\xE4\xB8\xAD\xE6\x96\x87\xE2\x80\xA6");
  EXPECT_EQ(cell("\xE4\xB8\xAD\xE6\x96\x87\xE5\xAD\x97", 4), "\xE4\xB8\xAD\xE2\x80\xA6 ");
  EXPECT_EQ(cell("e\xCC\x81x", 2), "e\xCC\x81x");  // a combining accent takes none
  // Nothing that moves the cursor reaches the terminal.
  EXPECT_EQ(cell("a\x1b[2J\tb\r\xFF", 20, false), "a\xEF\xBF\xBD[2J b \xEF\xBF\xBD");
  EXPECT_EQ(cell("\xE2\x80\xAE", 3, false), "\xEF\xBF\xBD");
}

}  // namespace
}  // namespace costeff::tasks
