#pragma once

// Numbers and lists from text. Nothing here throws: the caller knows the flag or the line, and says
// what is wrong with it. A number must be the whole text, without blanks or a plus sign; the locale
// does not matter.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace costeff {

// A decimal whole number from `low` to `high`.
std::optional<int64_t> parse_int(std::string_view text, int64_t low = INT64_MIN,
                                 int64_t high = INT64_MAX);

// A finite number, with or without fraction and exponent.
std::optional<double> parse_number(std::string_view text);

// The parts between the separators: one more than there are separators. Each may be empty. They
// point into `text`.
std::vector<std::string_view> split_at(std::string_view text, char separator);

// "64,256": at least one number, each from `low` to `high`.
std::optional<std::vector<int64_t>> parse_int_list(std::string_view text, int64_t low,
                                                   int64_t high);

// "0,0.1,0.2": at least one.
std::optional<std::vector<double>> parse_number_list(std::string_view text);

// "first:last:step"
struct NumberRange {
  double first = 0, last = 0, step = 0;
};
std::optional<NumberRange> parse_number_range(std::string_view text);

// first, first + step, ... to last, each rounded to 12 digits, so that 3 * 0.1 is 0.3. `last` is
// included if only rounding would leave it out. Requires step > 0 and first <= last.
std::vector<double> numbers_in(const NumberRange& range);

// A time span in seconds: "90s", "30m", "1.5h"; a number alone is seconds. Not negative.
std::optional<double> parse_seconds(std::string_view text);

// A number of bytes: "512M", "1.5G", "2GiB"; K, M, G and T are powers of 1024, a number alone is bytes.
std::optional<int64_t> parse_bytes(std::string_view text);

// With ASCII letters in lower case; other bytes stay.
std::string lower_ascii(std::string_view text);

// Whether the file name ends in `extension` (".json"), in upper or lower case.
bool has_extension(std::string_view path, std::string_view extension);

}  // namespace costeff
