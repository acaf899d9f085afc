#pragma once

// The part of a sweep's page that is about one model.

#include <span>
#include <string>

#include "tasks/sweep/report.h"

namespace costeff::tasks {

void append_model(const SweepReport& report, std::string* out);

// The command that writes a setting, if it has one.
void append_command(const std::string& command, std::string* out);

// Version, date, command and machine.
void append_provenance(std::span<const SweepReport> models, std::string* out);

// "89.68%", or a correlation with four digits.
std::string quality_text(const SweepReport& report, double quality);
// "87.5%-91.6%"; "" if there is none.
std::string interval_text(const SweepReport& report, const Interval& interval);
// With a capital first letter, for headings.
std::string capital(std::string text);

}  // namespace costeff::tasks
