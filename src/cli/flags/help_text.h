#pragma once

// Text of the help, wrapped to the width of a terminal.

#include <cstddef>
#include <string>

namespace costeff::cli {

inline constexpr size_t kHelpWidth = 80,
                        kHelpColumn = 26;  // of all lines; where descriptions begin

// Breaks `text` into lines of at most `width`; lines after the first begin with `indent` blanks.
std::string wrapped(const std::string& text, size_t width, size_t indent);

// "  NAME    text" with its newline; the text begins below a name that is too long.
std::string help_entry(std::string name, const std::string& text);

}  // namespace costeff::cli
