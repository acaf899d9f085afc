#pragma once

// What a sweep advises, in words.

#include <span>
#include <string>

#include "tasks/sweep/report.h"

namespace costeff::tasks {

// "-0.34 points of accuracy (95%: -1.10 to +0.42)", "0.8% of the rows get another answer (95%: 0.3% to 1.6%)",
// "pearson -0.0012": against full depth.
std::string change_text(const SweepReport& report, const SweepPoint& point);

// "2.21 of 6 layers on average, 2.54x fewer multiply-accumulates", and the measured speed-up.
std::string saving_text(const SweepReport& report, const SweepPoint& point);

// The setting to take and why, in a sentence or two.
std::string verdict_text(const SweepReport& report);

// Of several models.
std::string study_text(std::span<const SweepReport> models);

// The command that writes the recommended setting; "" if there is none, or the model has it already.
std::string command_to_show(const SweepReport& report);

// What the model does by itself: its exit_policy.json, or full depth.
std::string own_policy_text(const SweepReport& report);

}  // namespace costeff::tasks
