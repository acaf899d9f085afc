#pragma once

// --label-threshold, of the verbs that score with multi-label models.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace costeff::cli {

void add_label_threshold_flag(CLI::App* app, const char* group, std::string* text);

// One number, or one a label; none for "". Throws Error(usage).
std::vector<double> label_thresholds_from(const std::string& text);

}  // namespace costeff::cli
