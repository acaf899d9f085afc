#pragma once

#include <costeff/engine.h>

#include <string>

namespace costeff::cli {

// What is printed after a run: for people with --stats, one line of JSON with --stats-json.
// output_s: seconds spent formatting and writing rows.
std::string stats_text(const RunStats& stats, const ModelInfo& model, double output_s);
std::string stats_json(const RunStats& stats, const ModelInfo& model, double output_s);

// Width in columns of the terminal fd, at most 200; 80 if fd is no terminal.
int64_t terminal_width(int fd);

}  // namespace costeff::cli
