#pragma once

#include <string>

#include "cli/pages/flag_table.h"

namespace costeff::cli {

// The day on a page: that of SOURCE_DATE_EPOCH, if the environment has it, else today (UTC).
std::string page_date();

// costeff(1), roff.
std::string program_page(const ProgramTable& table, const std::string& date);
// costeff-VERB(1).
std::string verb_page(const ProgramTable& table, const VerbTable& verb, const std::string& date);

}  // namespace costeff::cli
