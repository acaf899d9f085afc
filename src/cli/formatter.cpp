#include "cli/formatter.h"

#include <sstream>
#include <string>

namespace costeff::cli {
namespace {

constexpr size_t kWidth = 80, kColumn = 26;

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

// "  NAME    text", or the text below the name if the name is too long.
std::string entry(std::string name, const std::string& text, size_t column) {
  name.insert(0, "  ");
  if (text.empty()) return name + "\n";
  if (name.size() + 2 > column) {
    name += "\n" + std::string(column, ' ');
  } else {
    name += std::string(column - name.size(), ' ');
  }
  return name + wrap(text, kWidth - column, column) + "\n";
}

class WrappingFormatter : public CLI::Formatter {
 public:
  std::string make_description(const CLI::App* app) const override {
    return wrap(app->get_description(), kWidth, 0) + "\n\n";
  }

  // Only the name of the value: ranges and exclusions are left to the description.
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_positional() || option->get_type_size() == 0) return "";
    const std::string type = option->get_type_name();
    return type.empty() ? "" : " " + type.substr(0, type.find(':'));
  }

  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    std::string name = make_option_name(option, is_positional);
    if (const size_t comma = name.find(','); comma != std::string::npos)
      name.insert(comma + 1, " ");
    return entry(name + make_option_opts(option), make_option_desc(option), column_width_);
  }

  std::string make_subcommand(const CLI::App* verb) const override {
    return entry(verb->get_name(), verb->get_description(), column_width_);
  }

  // Refills prose; lines that begin with a blank (examples, lists) stay as they are.
  std::string make_footer(const CLI::App* app) const override {
    std::string out, prose;
    const auto flush = [&] {
      if (!prose.empty()) out += wrap(prose, kWidth, 0) + "\n";
      prose.clear();
    };
    std::istringstream lines(app->get_footer());
    for (std::string line; std::getline(lines, line);) {
      if (line.empty() || line[0] == ' ') {
        flush();
        out += line + "\n";
      } else {
        prose += (prose.empty() ? "" : " ") + line;
      }
    }
    flush();
    return out;
  }

  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    return make_description(app) + make_usage(app, name) + make_positionals(app) +
           make_option_groups(app) + make_subcommands(app, mode) + "\n" + make_footer(app);
  }

 private:
  // The unnamed group (--help) comes last.
  std::string make_option_groups(const CLI::App* app) const {
    std::string out, last;
    for (const std::string& group : app->get_groups()) {
      const auto options = app->get_options([&](const CLI::Option* option) {
        return option->get_group() == group && option->nonpositional();
      });
      if (group.empty() || options.empty()) continue;
      (group == "Options" ? last : out) += make_group(group, false, options);
    }
    return out + last;
  }
};

}  // namespace

std::string help_entry(const std::string& name, const std::string& text) {
  return entry(name, text, kColumn);
}

std::shared_ptr<CLI::FormatterBase> make_formatter() {
  auto formatter = std::make_shared<WrappingFormatter>();
  formatter->column_width(kColumn);
  formatter->label("Positionals", "Arguments");
  formatter->label("SUBCOMMAND", "VERB ...");
  formatter->label("Subcommands", "Verbs");
  return formatter;
}

}  // namespace costeff::cli
