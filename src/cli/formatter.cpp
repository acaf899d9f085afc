#include "cli/formatter.h"

#include <string>

namespace costeff::cli {
namespace {

constexpr size_t kWidth = 80;

// Breaks `text` into lines of at most `width`; lines after the first begin with `indent` blanks.
std::string wrap(const std::string& text, size_t width, size_t indent) {
  std::string out;
  size_t column = 0;
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '\n') {
      out += '\n' + std::string(indent, ' ');
      column = 0;
      ++at;
      continue;
    }
    size_t end = text.find_first_of(" \n", at);
    if (end == std::string::npos) end = text.size();
    const std::string word = text.substr(at, end - at);
    if (column > 0 && column + 1 + word.size() > width) {
      out += '\n' + std::string(indent, ' ');
      column = 0;
    }
    if (column > 0) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    at = end < text.size() && text[end] == ' ' ? end + 1 : end;
  }
  return out;
}

class WrappingFormatter : public CLI::Formatter {
 public:
  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    const std::string name = "  " + make_option_name(option, is_positional) + make_option_opts(option);
    const std::string text = make_option_desc(option);
    std::string out = name;
    if (text.empty()) return out + "\n";
    if (name.size() + 2 > column_width_) {
      out += "\n" + std::string(column_width_, ' ');
    } else {
      out += std::string(column_width_ - name.size(), ' ');
    }
    return out + wrap(text, kWidth - column_width_, column_width_) + "\n";
  }
};

}  // namespace

std::shared_ptr<CLI::FormatterBase> make_formatter() { return std::make_shared<WrappingFormatter>(); }

}  // namespace costeff::cli
