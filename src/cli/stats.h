#pragma once

#include <costeff/engine.h>

#include <string>

namespace costeff::cli {

// What --stats prints after a run, for people; --stats-json: one line of JSON. output_s: seconds
// spent on formatting and writing rows.
std::string stats_text(const RunStats& stats, const ModelInfo& model, double output_s);
std::string stats_json(const RunStats& stats, const ModelInfo& model, double output_s);

// Columns of the terminal that fd is, at most 200; 80 if it is none.
int64_t terminal_width(int fd);

}  // namespace costeff::cli
