#include "cli/stats.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace costeff::cli {
namespace {

// What the numbers mean, worked out once for both forms.
struct Summary {
  double rows_per_s, tokens_per_s, mean_exit_layer, layers_saved;
};

Summary summarise(const RunStats& s, const ModelInfo& m) {
  const double rows = static_cast<double>(std::max<int64_t>(s.rows, 1));
  const double wall = std::max(s.wall_s, 1e-9);
  double layers = 0;
  for (size_t i = 0; i < s.exit_histogram.size(); ++i) {
    layers += static_cast<double>(s.exit_histogram[i]) * static_cast<double>(i + 1);
  }
  const double mean = layers / rows;
  const double depth = static_cast<double>(m.layers.size());
  return {static_cast<double>(s.rows) / wall, static_cast<double>(s.tokens) / wall, mean,
          s.rows > 0 ? 1 - mean / depth : 0};
}

void append(std::string* out, const char* format, ...) __attribute__((format(printf, 2, 3)));
void append(std::string* out, const char* format, ...) {
  char text[160];
  va_list args;
  va_start(args, format);
  std::vsnprintf(text, sizeof text, format, args);
  va_end(args);
  *out += text;
}

}  // namespace

std::string stats_text(const RunStats& s, const ModelInfo& m, double output_s, bool json) {
  const Summary sum = summarise(s, m);
  if (json) {
    const nlohmann::ordered_json j = {{"rows", s.rows},
                                      {"tokens", s.tokens},
                                      {"seconds", s.wall_s},
                                      {"rows_per_s", sum.rows_per_s},
                                      {"tokens_per_s", sum.tokens_per_s},
                                      {"threads", s.threads},
                                      {"mean_exit_layer", sum.mean_exit_layer},
                                      {"layers_saved", sum.layers_saved},
                                      {"exit_histogram", s.exit_histogram},
                                      {"bad_utf8_rows", s.bad_utf8_rows},
                                      {"truncated_rows", s.truncated_rows},
                                      {"stage_seconds",
                                       {{"tokenize", s.tokenize_s},
                                        {"embed", s.embed_s},
                                        {"encoder", s.encoder_s},
                                        {"exits", s.exits_s},
                                        {"output", output_s}}}};
    return j.dump() + "\n";
  }
  std::string out;
  append(&out, "%lld rows, %lld tokens in %.3f s on %lld thread%s: %.1f rows/s, %.0f tokens/s\n",
         static_cast<long long>(s.rows), static_cast<long long>(s.tokens), s.wall_s,
         static_cast<long long>(s.threads), s.threads == 1 ? "" : "s", sum.rows_per_s, sum.tokens_per_s);
  append(&out, "mean exit layer %.3f of %zu: %.1f%% of the layers saved\n", sum.mean_exit_layer, m.layers.size(),
         100 * sum.layers_saved);
  const int64_t most = std::max<int64_t>(1, s.exit_histogram.empty() ? 1 : *std::max_element(s.exit_histogram.begin(), s.exit_histogram.end()));
  for (size_t i = 0; i < s.exit_histogram.size(); ++i) {
    const int64_t n = s.exit_histogram[i];
    const std::string bar(static_cast<size_t>((n * 40 + most - 1) / most), '#');
    append(&out, "  layer %2zu %9lld %5.1f%% %s\n", i + 1, static_cast<long long>(n),
           100.0 * static_cast<double>(n) / static_cast<double>(std::max<int64_t>(s.rows, 1)), bar.c_str());
  }
  append(&out, "thread seconds: tokenize %.3f, embed %.3f, encoder %.3f, exits %.3f, output %.3f\n",
         s.tokenize_s, s.embed_s, s.encoder_s, s.exits_s, output_s);
  return out;
}

int64_t terminal_width(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return std::min<int64_t>(size.ws_col, 200);
}

}  // namespace costeff::cli
