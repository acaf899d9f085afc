#pragma once

// What every page is made of. A page stands alone: no network, no fonts from elsewhere. Its one script sorts
// tables, and all is there without it. Light or dark as the reader's system asks; readable without colour.

#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace costeff::tasks {

// All up to the heading, and what comes after the last section.
std::string page_begin(const std::string& title);
std::string page_end();

// The script, to which the page's Content-Security-Policy gives leave by its SHA-256 (base64).
extern const std::string_view kPageScript, kPageScriptHash;

// Text in running HTML, whatever direction it is written in.
std::string html_text(const std::string& text);

// A picture with a caption (empty: none).
void append_figure(const std::string& svg, const std::string& caption, std::string* out);

// A table cell. value: what its column is sorted by; without one the text.
struct Cell {
  Cell(std::string text, double sorted_by = std::numeric_limits<double>::quiet_NaN())
      : html(std::move(text)), value(sorted_by) {}
  std::string html;
  double value;
  bool bar = false;  // value, 0 to 1, is also the height of a bar
};

struct Table {
  std::vector<std::string> heads;  // HTML
  std::vector<std::vector<Cell>> rows;
};
void append_table(const Table& table, std::string* out);
}  // namespace costeff::tasks
