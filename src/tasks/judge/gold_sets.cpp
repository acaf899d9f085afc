#include "tasks/judge/gold_sets.h"

#include <algorithm>

#include "base/fail.h"
#include "base/json/json.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "tasks/lines/label_list.h"

namespace costeff::tasks {
namespace {

constexpr const char* kForms = "names or numbers joined by | , or a JSON list";

[[noreturn]] void fail_row(const Example& row, std::string_view what) {
  fail_input("{}:{}: labels {} {}", row.source, row.line, printable(row.gold, 40), what);
}

bool is_bit(const Json& v) {
  return v.is_boolean() || (v.is_number() && (v.get<double>() == 0 || v.get<double>() == 1));
}

// [1.0, 0.0, 1.0]: whether a list has a number for each label instead of the labels' numbers.
bool is_indicator(const Example& row, const Json& list, int64_t labels) {
  if (list.empty() || !std::all_of(list.begin(), list.end(), is_bit)) return false;
  const bool written_so = std::any_of(list.begin(), list.end(), [](const Json& v) {
    return v.is_boolean() || v.is_number_float();
  });
  const auto count = [&](double v) {
    return std::count_if(list.begin(), list.end(),
                         [&](const Json& i) { return !i.is_boolean() && i.get<double>() == v; });
  };
  // Numbers of labels do not come twice.
  const bool repeats = !written_so && (count(0) > 1 || count(1) > 1);
  if (!written_so && !repeats) {
    if (static_cast<int64_t>(list.size()) == labels)
      fail_row(row,
               "may be numbers of labels or a 0 or 1 for each, expected names, or 0.0 and 1.0");
    return false;
  }
  if (labels > 0 && static_cast<int64_t>(list.size()) != labels)
    fail_row(row, fmt::format("are {} numbers 0 or 1, expected {}, one for each label", list.size(),
                              labels));
  return true;
}

std::vector<std::string> texts_of_list(const Example& row, const Json& list, int64_t labels,
                                       int64_t* indicators) {
  std::vector<std::string> out;
  if (is_indicator(row, list, labels)) {
    *indicators = static_cast<int64_t>(list.size());
    for (size_t i = 0; i < list.size(); ++i) {
      const bool has = list[i].is_boolean() ? list[i].get<bool>() : list[i].get<double>() == 1;
      if (has) out.push_back(fmt::format("{}", i));
    }
    return out;
  }
  for (const Json& v : list) {
    if (v.is_string()) {
      out.push_back(v.get<std::string>());
    } else if (v.is_number_integer()) {
      out.push_back(v.dump());
    } else {
      fail_row(row, fmt::format("hold {}, expected {}", printable(v.dump(), 30), kForms));
    }
  }
  return out;
}

bool are_numbers(std::string_view text) {
  return text.find_first_not_of("0123456789, ") == text.npos && text.find(',') != text.npos;
}

}  // namespace

bool is_label_list(std::string_view gold) {
  return gold.starts_with('[') && gold.ends_with(']') && Json::accept(gold);
}

std::vector<std::string> gold_set_texts(const Example& row, int64_t labels, int64_t* indicators) {
  if (is_label_list(row.gold)) return texts_of_list(row, Json::parse(row.gold), labels, indicators);
  if (!are_numbers(row.gold)) return split_label_list(row.gold);
  std::vector<std::string> out;
  for (const std::string_view part : split_at(row.gold, ',')) {
    const size_t begin = part.find_first_not_of(' ');
    if (begin == part.npos) fail_row(row, fmt::format("have an empty place, expected {}", kForms));
    out.emplace_back(part.substr(begin, part.find_last_not_of(' ') + 1 - begin));
  }
  return out;
}

std::vector<int32_t> parse_gold_set(const LabelMap& map, const Example& row) {
  std::vector<int32_t> out;
  int64_t indicators = 0;
  for (const std::string& text : gold_set_texts(row, map.num_labels, &indicators)) {
    // The places of such a list count the labels, whatever these are called.
    const int64_t label =
        indicators > 0 ? *parse_int(text, 0, map.num_labels - 1) : find_label(map, text);
    if (label < 0) refuse_label(map, row, text);
    out.push_back(static_cast<int32_t>(label));
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace costeff::tasks
