#include "cli/run/stats.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/format.h"

namespace costeff::cli {
namespace {

constexpr int64_t kBarWidth = 40;

// The figures that both forms print.
struct Summary {
  double rows_per_s, tokens_per_s, mean_exit_layer;
  double layers_saved;  // share of the layers that no row needed; 0 if all were computed anyway
  bool all_layers;      // rows left early, but every layer was computed (--all-exits)
};

Summary summarise(const RunStats& s, const ModelInfo& m) {
  const double wall = std::max(s.wall_s, 1e-9);
  const auto depth = static_cast<int64_t>(m.layers.size());
  const int64_t layers = exit_layer_sum(s);
  Summary sum{};
  sum.rows_per_s = static_cast<double>(s.rows) / wall;
  sum.tokens_per_s = static_cast<double>(s.tokens) / wall;
  sum.mean_exit_layer = mean_exit_layer(s);
  sum.all_layers = s.layer_tokens >= s.tokens * depth && layers < s.rows * depth;
  if (s.rows > 0 && !sum.all_layers)
    sum.layers_saved = 1 - sum.mean_exit_layer / static_cast<double>(depth);
  return sum;
}

}  // namespace

std::string stats_json(const RunStats& s, const ModelInfo& m, double output_s) {
  const Summary sum = summarise(s, m);
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
                                    {"empty_rows", s.empty_rows},
                                    {"skipped_rows", s.skipped_rows},
                                    {"windows", s.windows},
                                    {"layer_tokens", s.layer_tokens},
                                    {"stage_seconds",
                                     {{"tokenize", s.tokenize_s},
                                      {"embed", s.embed_s},
                                      {"attention", s.attention_s},
                                      {"ffn", s.ffn_s},
                                      {"exits", s.exits_s},
                                      {"output", output_s}}}};
  return j.dump() + "\n";
}

std::string stats_text(const RunStats& s, const ModelInfo& m, double output_s) {
  const Summary sum = summarise(s, m);
  std::string out;
  append_format(&out,
                "{} row{}, {} tokens in {:.3f} s on {} thread{}\n{:.1f} rows/s, {:.0f} tokens/s\n",
                s.rows, s.rows == 1 ? "" : "s", s.tokens, s.wall_s, s.threads,
                s.threads == 1 ? "" : "s", sum.rows_per_s, sum.tokens_per_s);
  if (s.windows > s.rows)
    append_format(&out, "{} windows of long texts and whole ones\n", s.windows);
  append_format(&out, "mean exit layer {:.3f} of {}: ", sum.mean_exit_layer, m.layers.size());
  if (sum.all_layers) {
    out += "none saved, since all exits were asked for\n";
  } else {
    append_format(&out, "{:.1f}% of the layers saved\n", 100 * sum.layers_saved);
  }
  const auto& counts = s.exit_histogram;
  const int64_t largest =
      std::max<int64_t>(1, counts.empty() ? 1 : *std::max_element(counts.begin(), counts.end()));
  for (size_t i = 0; i < counts.size(); ++i) {
    const int64_t n = counts[i];
    append_format(
        &out, "  layer {:2} {:9} {:5.1f}%", i + 1, n,
        100.0 * static_cast<double>(n) / static_cast<double>(std::max<int64_t>(s.rows, 1)));
    if (n > 0)
      out += " " + std::string(static_cast<size_t>((n * kBarWidth + largest - 1) / largest), '#');
    out += "\n";
  }
  append_format(&out,
                "seconds by stage, all threads:\n"
                "  tokenize {:.3f}, embed {:.3f}, attention {:.3f}, feed-forward {:.3f},\n"
                "  exits {:.3f}, output {:.3f}\n",
                s.tokenize_s, s.embed_s, s.attention_s, s.ffn_s, s.exits_s, output_s);
  return out;
}

int64_t terminal_width(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return std::min<int64_t>(size.ws_col, 200);
}

}  // namespace costeff::cli
