#pragma once

#include <costeff/engine.h>

#include <algorithm>
#include <cstdint>
#include <string>

namespace costeff::cli {

// The sum and the mean of the exit layers of the rows that were scored; 0 if there were none.
inline int64_t exit_layer_sum(const RunStats& s) {
  int64_t layers = 0;
  for (size_t i = 0; i < s.exit_histogram.size(); ++i)
    layers += s.exit_histogram[i] * static_cast<int64_t>(i + 1);
  return layers;
}
inline double mean_exit_layer(const RunStats& s) {
  return static_cast<double>(exit_layer_sum(s)) / static_cast<double>(std::max<int64_t>(s.rows, 1));
}

// What is printed after a run: for people with --stats, one line of JSON with --stats-json.
// output_s: seconds spent formatting and writing rows.
std::string stats_text(const RunStats& stats, const ModelInfo& model, double output_s);
std::string stats_json(const RunStats& stats, const ModelInfo& model, double output_s);

// Width in columns of the terminal fd, at most 200; 80 if fd is no terminal.
int64_t terminal_width(int fd);

}  // namespace costeff::cli
