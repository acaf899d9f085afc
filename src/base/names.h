#pragma once

// Tables of names: how users write the values of an enum. A table is any array of rows that have
// the members `name` and `value`. A value may have several rows; the name of the first is printed.

#include <costeff/error.h>

#include <string>
#include <string_view>

namespace costeff {

template <typename T>
struct Name {
  std::string_view name;
  T value;
};

// The first name of a value; "" if the table has none.
template <typename Rows, typename T>
std::string_view name_of_value(const Rows& rows, const T& value) {
  for (const auto& row : rows) {
    if (row.value == value) return row.name;
  }
  return "";
}

// "a, b, c", in the order of the table, one name for each value.
template <typename Rows>
std::string listed_names(const Rows& rows) {
  std::string text;
  for (const auto& row : rows) {
    if constexpr (requires { row.value == row.value; }) {
      if (name_of_value(rows, row.value) != row.name) continue;  // another name of the same value
    }
    if (!text.empty()) text += ", ";
    text += row.name;
  }
  return text;
}

// The first row of that name, or null.
template <typename Rows>
auto find_named(const Rows& rows, std::string_view name) -> decltype(&*rows.begin()) {
  for (const auto& row : rows) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

// Throws `metric "mcc" is not known, expected one of accuracy, f1`: what, name, known.
[[noreturn]] void throw_unknown_name(std::string_view what, std::string_view name,
                                     const std::string& known, ErrorKind kind = ErrorKind::usage);

// The value of a name. Throws an Error(usage) that begins with `what` and lists the known names.
template <typename Rows>
auto value_of_name(const Rows& rows, std::string_view name, std::string_view what) {
  if (const auto* row = find_named(rows, name)) return row->value;
  throw_unknown_name(what, name, listed_names(rows));
}

}  // namespace costeff
