#include "cli/formatter.h"

#include <sstream>
#include <string>

#include "cli/flags/flag_values.h"
#include "cli/flags/help_text.h"

namespace costeff::cli {
namespace {

class WrappingFormatter : public CLI::Formatter {
 public:
  std::string make_description(const CLI::App* app) const override {
    return wrapped(app->get_description(), kHelpWidth, 0) + "\n\n";
  }

  // Only the name of the value: ranges and exclusions are left to the description.
  std::string make_option_opts(const CLI::Option* option) const override {
    const std::string word = option->get_positional() ? "" : value_word(*option);
    return word.empty() ? "" : " " + word;
  }

  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    std::string name = make_option_name(option, is_positional);
    // CLI11 marks --no-average{false}.
    if (const size_t mark = name.find("{false}"); mark != std::string::npos) name.erase(mark, 7);
    if (const size_t comma = name.find(','); comma != std::string::npos)
      name.insert(comma + 1, " ");
    return help_entry(name + make_option_opts(option), make_option_desc(option));
  }

  std::string make_subcommand(const CLI::App* verb) const override {
    return help_entry(verb->get_name(), verb->get_description());
  }

  // Refills prose; lines that begin with a blank (examples, lists) stay as they are.
  std::string make_footer(const CLI::App* app) const override {
    std::string out, prose;
    const auto flush = [&] {
      if (!prose.empty()) out += wrapped(prose, kHelpWidth, 0) + "\n";
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

std::shared_ptr<CLI::FormatterBase> make_formatter() {
  auto formatter = std::make_shared<WrappingFormatter>();
  formatter->column_width(kHelpColumn);
  formatter->label("Positionals", "Arguments");
  formatter->label("SUBCOMMAND", "VERB ...");
  formatter->label("Subcommands", "Verbs");
  return formatter;
}

}  // namespace costeff::cli
