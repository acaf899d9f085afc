#include "tasks/page/exit_charts.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "tasks/page/quality_axis.h"
#include "tasks/write/format_text.h"

namespace costeff::tasks {
namespace {

// For a value at each layer; the vertical axis is still to be set.
PlotArea area_by_layer(const SweepReport& r, const ChartSize& size) {
  PlotArea a;
  a.left = size.font * 4.2;
  a.right = size.width - size.font * 1.5;
  a.top = size.font * 1.5;
  a.bottom = size.height - size.font * 3.4;
  a.x = {0.5, static_cast<double>(r.layers) + 0.5, {}};
  return a;
}

}  // namespace

std::string quality_by_layer_chart(const SweepReport& r, const ChartSize& size) {
  PlotArea a = area_by_layer(r, size);
  double low = 1e300, high = -1e300;
  for (const ExitSummary& e : r.exits) {
    for (const double v : {e.quality, e.interval.low, e.interval.high}) {
      if (!std::isfinite(v)) continue;
      low = std::min(low, y_of(r, v));
      high = std::max(high, y_of(r, v));
    }
  }
  if (low > high) low = high = 0;
  const double room = (high - low) * 0.06;
  a.y = round_axis(low - room, high + room, 5);
  for (const ExitSummary& e : r.exits) a.x.ticks.push_back(static_cast<double>(e.layer));
  Svg svg(size.width, size.height, size.font, r.quality_name + " if all rows left at one layer");
  draw_axes(a, size, quality_axis_text(is_regression(r)), false, "layer", &svg);
  std::vector<std::pair<double, double>> line;
  for (const ExitSummary& e : r.exits) {
    if (std::isfinite(e.quality))
      line.emplace_back(a.at_x(static_cast<double>(e.layer)), a.at_y(y_of(r, e.quality)));
  }
  svg.polyline(line, "l0");
  for (const ExitSummary& e : r.exits) {
    if (!std::isfinite(e.quality)) continue;
    const double x = a.at_x(static_cast<double>(e.layer));
    if (std::isfinite(e.interval.low)) {
      const double y1 = a.at_y(y_of(r, e.interval.low)), y2 = a.at_y(y_of(r, e.interval.high));
      svg.line(x, y1, x, y2, "whisker");
      svg.line(x - 4, y1, x + 4, y1, "whisker");
      svg.line(x - 4, y2, x + 4, y2, "whisker");
    }
    svg.marker(x, a.at_y(y_of(r, e.quality)), 0, size.font * 0.34,
               fmt::format("layer {}: {:.4f}", e.layer, e.quality));
  }
  return svg.finish();
}

std::string entropy_by_layer_chart(const SweepReport& r, const ChartSize& size) {
  PlotArea a = area_by_layer(r, size);
  double high = 0;
  for (const ExitSummary& e : r.exits) high = std::max(high, e.mean_entropy);
  a.y = round_axis(0, std::max(high * 1.1, 0.01), 5);
  Svg svg(size.width, size.height, size.font, "mean entropy at each layer");
  for (const double y : a.y.ticks) {
    svg.line(a.left, a.at_y(y), a.right, a.at_y(y), "grid");
    svg.text(a.left - 5, a.at_y(y) + size.font * 0.35, "soft", Anchor::end, fixed_text(y, 2));
  }
  const double width = (a.right - a.left) / static_cast<double>(std::max<int64_t>(1, r.layers));
  for (const ExitSummary& e : r.exits) {
    const double x = a.at_x(static_cast<double>(e.layer)), y = a.at_y(e.mean_entropy);
    svg.rect(x - width * 0.32, y, width * 0.64, a.bottom - y, "bar");
    svg.text(x, a.bottom + 4 + size.font, "soft", Anchor::middle, fmt::format("{}", e.layer));
    if (width > size.font * 2.2) {
      svg.text(x, y - 3, "", Anchor::middle, fixed_text(e.mean_entropy, 2));
    }
  }
  svg.line(a.left, a.bottom, a.right, a.bottom, "axis");
  svg.text((a.left + a.right) / 2, size.height - 0.6 * size.font, "soft", Anchor::middle, "layer");
  return svg.finish();
}

std::string reliability_chart(const ExitSummary& e) {
  const ChartSize size{170, 178, 10};
  PlotArea a;
  a.left = 30;
  a.right = 162;
  a.top = 22;
  a.bottom = 148;
  a.x = a.y = {0, 1, {0, 0.5, 1}};
  Svg svg(size.width, size.height, size.font,
          fmt::format("reliability of the exit at layer {}", e.layer));
  svg.text(a.left, 13, "strong", Anchor::start, fmt::format("layer {}", e.layer));
  svg.text(a.right, 13, "soft", Anchor::end, fmt::format("ECE {:.3f}", e.ece));
  for (const double t : a.y.ticks) {
    svg.line(a.left, a.at_y(t), a.right, a.at_y(t), "grid");
    svg.text(a.left - 4, a.at_y(t) + 3.5, "soft", Anchor::end, fixed_text(t, 1));
    svg.text(a.at_x(t), a.bottom + 13, "soft", Anchor::middle, fixed_text(t, 1));
  }
  svg.line(a.at_x(0), a.at_y(0), a.at_x(1), a.at_y(1), "even");
  int64_t max_rows = 1;
  for (const ReliabilityBin& b : e.bins) max_rows = std::max(max_rows, b.rows);
  std::vector<std::pair<double, double>> line;
  for (const ReliabilityBin& b : e.bins) {
    if (b.rows > 0) {
      line.emplace_back(a.at_x(b.mean_prob),
                        a.at_y(static_cast<double>(b.right) / static_cast<double>(b.rows)));
    }
  }
  svg.polyline(line, "l0");
  for (const ReliabilityBin& b : e.bins) {
    if (b.rows == 0) continue;
    const double share = static_cast<double>(b.right) / static_cast<double>(b.rows);
    // The area of a marker is proportional to its rows.
    const double radius =
        2 + 4 * std::sqrt(static_cast<double>(b.rows) / static_cast<double>(max_rows));
    svg.marker(a.at_x(b.mean_prob), a.at_y(share), 0, radius,
               fmt::format("{}: probability {:.3f}, right {:.3f}", counted(b.rows, "row", "rows"),
                           b.mean_prob, share));
  }
  svg.text((a.left + a.right) / 2, size.height - 4, "soft", Anchor::middle, "probability");
  return svg.finish();
}

}  // namespace costeff::tasks
