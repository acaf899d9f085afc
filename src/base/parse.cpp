#include "base/parse.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "base/format.h"

namespace costeff {
namespace {

template <typename T>
bool parse_all(std::string_view text, T* v) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, *v);
  return error == std::errc() && stop == end;
}

}  // namespace

std::optional<int64_t> parse_int(std::string_view text, int64_t low, int64_t high) {
  int64_t v = 0;
  if (!parse_all(text, &v) || v < low || v > high) return std::nullopt;
  return v;
}

std::optional<double> parse_number(std::string_view text) {
  double v = 0;
  if (!parse_all(text, &v) || !std::isfinite(v)) return std::nullopt;
  return v;
}

std::vector<std::string_view> split_at(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::optional<std::vector<int64_t>> parse_int_list(std::string_view text, int64_t low,
                                                   int64_t high) {
  std::vector<int64_t> values;
  for (const std::string_view part : split_at(text, ',')) {
    const auto v = parse_int(part, low, high);
    if (!v) return std::nullopt;
    values.push_back(*v);
  }
  return values;
}

std::optional<std::vector<double>> parse_number_list(std::string_view text) {
  std::vector<double> values;
  for (const std::string_view part : split_at(text, ',')) {
    const auto v = parse_number(part);
    if (!v) return std::nullopt;
    values.push_back(*v);
  }
  return values;
}

std::optional<NumberRange> parse_number_range(std::string_view text) {
  const auto parts = split_at(text, ':');
  if (parts.size() != 3) return std::nullopt;
  const auto first = parse_number(parts[0]), last = parse_number(parts[1]),
             step = parse_number(parts[2]);
  if (!first || !last || !step) return std::nullopt;
  return NumberRange{*first, *last, *step};
}

std::vector<double> numbers_in(const NumberRange& r) {
  std::vector<double> values;
  const auto steps = static_cast<int64_t>(std::floor((r.last - r.first) / r.step + 1e-9));
  for (int64_t i = 0; i <= steps; ++i) {
    const double v = r.first + static_cast<double>(i) * r.step;
    values.push_back(std::strtod(fmt::format("{:.12g}", v).c_str(), nullptr));
  }
  return values;
}

std::optional<double> parse_seconds(std::string_view text) {
  double unit = 1;
  for (const auto& [letter, seconds] : {std::pair{'s', 1.0}, {'m', 60.0}, {'h', 3600.0}}) {
    if (text.empty() || text.back() != letter) continue;
    unit = seconds;
    text.remove_suffix(1);
    break;
  }
  const auto number = parse_number(text);
  if (!number || *number < 0 || !std::isfinite(*number * unit)) return std::nullopt;
  return *number * unit;
}

std::optional<int64_t> parse_bytes(std::string_view text) {
  constexpr std::string_view kLetters = "KMGT";
  const auto is_letter = [&](char c) { return kLetters.find(c) != std::string_view::npos; };
  if (text.size() > 3 && text.ends_with("iB") && is_letter(text[text.size() - 3])) {
    text.remove_suffix(2);
  } else if (text.ends_with('B')) {
    text.remove_suffix(1);
  }
  double unit = 1;
  if (!text.empty() && is_letter(text.back())) {
    unit = std::exp2(10.0 * static_cast<double>(kLetters.find(text.back()) + 1));
    text.remove_suffix(1);
  }
  const auto number = parse_number(text);
  if (!number || *number < 0 || *number * unit >= 0x1p62) return std::nullopt;
  return static_cast<int64_t>(*number * unit);
}

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool has_extension(std::string_view path, std::string_view extension) {
  return path.size() > extension.size() &&
         lower_ascii(path.substr(path.size() - extension.size())) == extension;
}

}  // namespace costeff
