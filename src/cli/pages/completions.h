#pragma once

// Scripts by which shells complete command lines of costeff. They hold the flags of all verbs; what
// depends on the machine (installed models, kernels) they ask `costeff completions` for.

#include <string>
#include <string_view>

#include "cli/pages/flag_table.h"

namespace costeff::cli {

std::string bash_completion(const ProgramTable& table);
std::string zsh_completion(const ProgramTable& table);
std::string fish_completion(const ProgramTable& table);

// The first words of a flag's text, for one line beside its name: up to the end of the sentence or
// its first colon or semicolon, and no more than fit.
std::string short_text(std::string_view text);

// Words with blanks between them.
std::string with_blanks(const std::vector<std::string>& words);

}  // namespace costeff::cli
