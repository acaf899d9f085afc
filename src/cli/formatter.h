#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

namespace costeff::cli {

// CLI11's help, wrapped to 80 columns, without its technical remarks.
std::shared_ptr<CLI::FormatterBase> make_formatter();

// "  NAME    text" as the help lists flags: the text is wrapped, and begins below a name that is too
// long.
std::string help_entry(const std::string& name, const std::string& text);

}  // namespace costeff::cli
