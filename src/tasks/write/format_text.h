#pragma once

// Pieces of output rows, appended to a string. Nothing here depends on the locale.

#include <cstdint>
#include <string>
#include <string_view>

namespace costeff::tasks {

void append_int(int64_t value, std::string* out);
// The shortest form that reads back as the same float: 0.1, 1e-07, 3; nan, inf, -inf.
void append_float(float value, std::string* out);
// The same, but null for numbers that JSON does not have.
void append_json_float(float value, std::string* out);
// "1,234,567"
std::string grouped(int64_t n);
// "1 row", "1,234 rows"
std::string counted(int64_t n, const char* one, const char* many);
// "12.34%"
std::string percent(double share, int decimals = 2);
// With `decimals` digits after the point.
void append_fixed(float value, int decimals, std::string* out);

// A JSON string with its quotes. Always UTF-8: other bytes become U+FFFD.
void append_json_string(std::string_view text, std::string* out);
// A TSV field: tab, newline, carriage return and backslash become \t \n \r \\.
void append_tsv_field(std::string_view text, std::string* out);
// A CSV field, in quotes if RFC 4180 asks for them.
void append_csv_field(std::string_view text, std::string* out);

// The words of a text in lines of at most `width` columns, each ended; `indent` blanks before all but the
// first, which begins at column `column`.
std::string wrapped(std::string_view text, size_t width, size_t indent = 0, size_t column = 0);

enum class Align { left, right };
// A cell of `width` columns on a terminal: a text that is too long ends in an ellipsis, wide
// characters (CJK, emoji) take two columns, and characters that would move the cursor become blanks
// or U+FFFD. pad: fill up with blanks.
void append_cell(std::string_view text, int64_t width, Align align, bool pad, std::string* out);

}  // namespace costeff::tasks
