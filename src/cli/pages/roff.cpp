#include "cli/pages/roff.h"

#include <algorithm>
#include <vector>

#include "base/format.h"
#include "base/parse.h"

namespace costeff::cli {
namespace {

constexpr size_t kPageWidth = 80, kPageIndent = 7;

size_t blanks_before(std::string_view line) {
  return std::min(line.find_first_not_of(' '), line.size());
}

}  // namespace

std::string roff_escaped(std::string_view text) {
  std::string out;
  if (text.starts_with('.') || text.starts_with('\'')) out += "\\&";
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      case '"':
        out += "\\(dq";
        break;
      case '`':
        out += "\\(ga";
        break;
      case '^':
        out += "\\(ha";
        break;
      case '~':
        out += "\\(ti";
        break;
      case '\n':
        out += ' ';
        break;
      default:
        out += c;
    }
  }
  return out;
}

void append_paragraph(std::string_view text, std::string* out) {
  append_format(out, "{}\n", roff_escaped(text));
}

void append_verbatim(std::string_view lines, std::string* out) {
  std::vector<std::string_view> all = split_at(lines, '\n');
  while (!all.empty() && all.back().empty()) all.pop_back();
  size_t common = std::string_view::npos, longest = 0;
  for (const std::string_view line : all) {
    if (!line.empty()) common = std::min(common, blanks_before(line));
    longest = std::max(longest, line.size());
  }
  if (longest == 0) return;
  const size_t length = longest - common;
  const size_t indent = length + kPageIndent <= kPageWidth ? kPageIndent
                        : length < kPageWidth              ? kPageWidth - length
                                                           : 0;
  append_format(out, ".in {}n\n.EX\n", indent);
  for (const std::string_view line : all)
    append_format(out, "{}\n", roff_escaped(line.substr(std::min(common, line.size()))));
  append_format(out, ".EE\n.in {}n\n", kPageIndent);
}

void append_footer(std::string_view text, std::string* out) {
  std::string prose, verbatim;
  bool separate = false;
  const auto flush = [&] {
    if (!prose.empty()) append_paragraph(prose, out);
    if (!verbatim.empty()) append_verbatim(verbatim, out);
    prose.clear();
    verbatim.clear();
  };
  const auto begin_paragraph = [&] {
    if (separate) *out += ".PP\n";
    separate = false;
  };
  for (const std::string_view line : split_at(text, '\n')) {
    if (line.empty()) {
      flush();
      separate = true;
    } else if (line.starts_with(' ')) {
      if (!prose.empty()) flush();
      begin_paragraph();
      verbatim += std::string(line) + "\n";
    } else {
      if (!verbatim.empty()) flush();
      begin_paragraph();
      prose += (prose.empty() ? "" : " ") + std::string(line);
    }
  }
  flush();
}

}  // namespace costeff::cli
