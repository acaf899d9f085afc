#include "tasks/page/curves.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"

namespace costeff::tasks {

void draw_axes(const PlotArea& a, const ChartSize& size, const AxisText& y_text, bool percent_x,
               const std::string& x_label, Svg* svg) {
  for (const double y : a.y.ticks) {
    svg->line(a.left, a.at_y(y), a.right, a.at_y(y), "grid");
    svg->text(a.left - 5, a.at_y(y) + size.font * 0.35, "soft", Anchor::end, y_text(y));
  }
  for (const double x : a.x.ticks) {
    svg->line(a.at_x(x), a.bottom, a.at_x(x), a.bottom + 4, "axis");
    svg->text(a.at_x(x), a.bottom + 4 + size.font, "soft", Anchor::middle,
              percent_x ? fixed_text(x, 0) + "%" : fixed_text(x, 0));
    if (percent_x && x > 0) {
      svg->text(
          a.at_x(x), a.bottom + 4 + 2.1 * size.font, "soft", Anchor::middle,
          fixed_text(100 / x,
                     100 / x < 9.95 && std::abs(100 / x - std::round(100 / x)) > 0.05 ? 1 : 0) +
              "x");
    }
  }
  svg->line(a.left, a.bottom, a.right, a.bottom, "axis");
  svg->text((a.left + a.right) / 2, size.height - 0.6 * size.font, "soft", Anchor::middle, x_label);
}

double draw_legend(const std::vector<DrawnCurve>& curves, double left, double right, double top,
                   const LegendExtras& extras, const ChartSize& size, Svg* svg) {
  const double step = size.font * 1.5, letter = size.font * 0.56;
  double x = left, y = top;
  const auto place = [&](const std::string& name) {
    const double width = 26 + letter * static_cast<double>(name.size()) + 10;
    if (x > left && x + width > right) {
      x = left;
      y += step;
    }
    const double at = x;
    x += width;
    return at;
  };
  for (size_t i = 0; i < curves.size(); ++i) {
    const double at = place(curves[i].name);
    const int style = static_cast<int>(i) % kCurveStyles;
    if (curves[i].points.size() > 1 && curves[i].joined)
      svg->line(at, y - 4, at + 22, y - 4, fmt::format("l{}", style));
    svg->marker(at + 11, y - 4, style, 3.4, "");
    svg->text(at + 27, y, "", Anchor::start, curves[i].name);
  }
  if (extras.front) {
    const double at = place("front");
    svg->line(at + 3, y - 4, at + 19, y - 4, "front");
    svg->text(at + 27, y, "", Anchor::start, "front");
  }
  if (extras.noise) {
    const double at = place("full depth, 95%");
    svg->rect(at, y - 9, 22, 10, "noise");
    svg->text(at + 27, y, "", Anchor::start, "full depth, 95%");
  }
  if (extras.ring) {
    const double at = place("recommended");
    svg->ring(at + 11, y - 4, 6);
    svg->text(at + 27, y, "", Anchor::start, "recommended");
  }
  return y - top + step;
}

double legend_height(const std::vector<DrawnCurve>& curves, double left, double right,
                     const LegendExtras& extras, const ChartSize& size) {
  Svg probe(size.width, size.height, size.font, "");
  return draw_legend(curves, left, right, 0, extras, size, &probe);
}

void draw_curve(const PlotArea& a, const DrawnCurve& c, int style, const ChartSize& size,
                Svg* svg) {
  std::vector<std::pair<double, double>> line;
  for (const Drawn& d : c.points) line.emplace_back(a.at_x(d.x), a.at_y(d.y));
  if (c.joined && line.size() > 1) svg->polyline(line, fmt::format("l{}", style % kCurveStyles));
  // Only markers that are far enough apart to be told from each other.
  double last_x = -1e9, last_y = -1e9;
  for (size_t i = 0; i < c.points.size(); ++i) {
    const auto [x, y] = line[i];
    const Drawn& d = c.points[i];
    if (d.high > d.low) svg->line(a.at_x(d.low), y, a.at_x(d.high), y, "whisker");
    const bool labelled = !d.label.empty();
    if (!labelled && c.joined && std::hypot(x - last_x, y - last_y) < 2 * size.font) continue;
    svg->marker(x, y, style, size.font * 0.34, d.title);
    last_x = x;
    last_y = y;
  }
}

std::string line_chart(const LineChart& chart, const ChartSize& size) {
  double x_high = 0, low = 1e300, high = -1e300;
  for (const DrawnCurve& c : chart.curves) {
    for (const Drawn& d : c.points) {
      x_high = std::max(x_high, d.x);
      low = std::min(low, d.y);
      high = std::max(high, d.y);
    }
  }
  if (low > high) low = high = 0;
  PlotArea a;
  a.left = size.font * 4.2;
  a.right = size.width - size.font * 1.5;
  a.top = size.font * 1.2 + legend_height(chart.curves, a.left, a.right, {}, size);
  a.bottom = size.height - size.font * 3.4;
  a.x = round_axis(0, std::max(x_high, 5.0), 5);
  const double room = (high - low) * 0.06;
  a.y = round_axis(low - room, high + room, 5);
  Svg svg(size.width, size.height, size.font, chart.title);
  draw_legend(chart.curves, a.left, a.right, size.font * 1.2, {}, size, &svg);
  draw_axes(a, size, chart.y_text, false, chart.x_label, &svg);
  for (const double x : chart.borders) svg.line(a.at_x(x), a.top, a.at_x(x), a.bottom, "even");
  for (size_t i = 0; i < chart.curves.size(); ++i)
    draw_curve(a, chart.curves[i], static_cast<int>(i), size, &svg);
  return svg.finish();
}

}  // namespace costeff::tasks
