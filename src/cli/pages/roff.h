#pragma once

// Text of manual pages, in the man macros that groff and mandoc know.

#include <string>
#include <string_view>

namespace costeff::cli {

// `text` as one line of roff that shows just these characters: hyphens and quotes stay those of
// ASCII, as users copy them, and no line begins with a command. Newlines become blanks.
std::string roff_escaped(std::string_view text);

// A paragraph that is filled to the width of the terminal.
void append_paragraph(std::string_view text, std::string* out);

// Lines that keep their breaks and blanks. What they are indented by in common is replaced with as
// much as leaves them within 80 columns.
void append_verbatim(std::string_view lines, std::string* out);

// A help's footer: lines that begin with a blank stay as they are, all others are prose, and empty
// lines separate paragraphs.
void append_footer(std::string_view text, std::string* out);

}  // namespace costeff::cli
