#pragma once

#include <CLI/CLI.hpp>
#include <memory>

namespace costeff::cli {

// CLI11's help, wrapped to 80 columns, without its technical remarks.
std::shared_ptr<CLI::FormatterBase> make_formatter();

}  // namespace costeff::cli
