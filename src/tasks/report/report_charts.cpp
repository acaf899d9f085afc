#include "tasks/report/report_charts.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"

namespace costeff::tasks {
namespace {

double y_of(const SweepReport& r, double quality) {
  return is_regression(r) ? quality : 100 * quality;
}

std::string y_text(const SweepReport& r, double y) {
  return is_regression(r) ? fixed_text(y, 3)
                          : fixed_text(y, std::abs(y - std::round(y)) < 1e-6 ? 0 : 1) + "%";
}

AxisText axis_text(const SweepReport& r) {
  return [&r](double y) { return y_text(r, y); };
}

std::string title_of(const SweepReport& r, const SweepPoint& p) {
  return fmt::format("{}: {} {:.4f}, layer {:.2f}, MACs {:.2f}x fewer", p.text, r.quality_name,
                     p.quality, p.mean_layer, p.speedup_macs);
}

std::string curve_name(const SweepPoint& p) {
  if (p.family == "never") return "full depth";
  if (p.family == "model") return "exit_policy.json";
  if (p.family == "given") return "asked for";
  return p.family;
}

std::vector<DrawnCurve> curves_by_policy(const SweepReport& r, SpeedAxis axis) {
  std::vector<DrawnCurve> curves;
  for (const SweepPoint& p : r.points) {
    const std::string name = curve_name(p);
    const auto at = std::find_if(curves.begin(), curves.end(),
                                 [&](const DrawnCurve& c) { return c.name == name; });
    DrawnCurve& c = at != curves.end() ? *at : curves.emplace_back();
    c.name = name;
    c.joined = p.family != "given";
    const double x = axis == SpeedAxis::layers ? 100 / p.speedup_layers : 100 / p.speedup_macs;
    c.points.push_back({x, y_of(r, p.quality), x, x, title_of(r, p), "", p.pareto});
  }
  // Single points last, so that they lie on top.
  std::stable_partition(curves.begin(), curves.end(),
                        [](const DrawnCurve& c) { return c.points.size() > 1 && c.joined; });
  return curves;
}

// One curve for each batch size.
std::vector<DrawnCurve> curves_by_time(const SweepReport& r) {
  std::vector<DrawnCurve> curves;
  std::string only_name;
  bool one_policy = true;
  for (const SweepPoint& p : r.points) {
    if (p.timings.empty() || p.name == "never") continue;
    one_policy = one_policy && (only_name.empty() || only_name == p.name);
    only_name = p.name;
  }
  for (const SweepPoint& p : r.points) {
    for (size_t b = 0; b < p.timings.size(); ++b) {
      const SweepTiming& t = p.timings[b];
      if (curves.size() <= b) {
        curves.emplace_back().name = fmt::format("batches of {} tokens", t.batch_tokens);
      }
      const double x = 100 / t.speedup;
      Drawn d{x,
              y_of(r, p.quality),
              x * t.rows_per_s / t.rows_per_s_high,
              x * t.rows_per_s / t.rows_per_s_low,
              fmt::format("{}: {:.0f} rows/s, {:.2f}x", p.text, t.rows_per_s, t.speedup),
              "",
              false};
      if (b == 0) d.label = one_policy && p.name != "never" ? p.setting : p.text;
      if (d.label.size() > 22) d.label = p.name;
      curves[b].points.push_back(std::move(d));
    }
  }
  for (DrawnCurve& c : curves) {
    std::sort(c.points.begin(), c.points.end(),
              [](const Drawn& a, const Drawn& b) { return a.x < b.x; });
  }
  return curves;
}

// The points that no other beats in both cost and quality.
std::vector<std::pair<double, double>> front_of(const std::vector<DrawnCurve>& curves) {
  std::vector<std::pair<double, double>> all, front;
  for (const DrawnCurve& c : curves) {
    for (const Drawn& d : c.points) all.emplace_back(d.x, d.y);
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second > b.second;
  });
  for (const auto& p : all) {
    if (front.empty() || p.second > front.back().second) front.push_back(p);
  }
  return front;
}

// Draws labels below or above their markers, where they do not overlap.
void draw_labels(const PlotArea& a, const DrawnCurve& c, const ChartSize& size, Svg* svg) {
  struct Box {
    double x1, y1, x2, y2;
  };
  std::vector<Box> taken;
  for (const Drawn& d : c.points) {
    const double x = a.at_x(d.x), y = a.at_y(d.y), r = size.font * 0.45;
    taken.push_back({x - r, y - r, x + r, y + r});
  }
  for (const Drawn& d : c.points) {
    if (d.label.empty()) continue;
    const double x = a.at_x(d.x), y = a.at_y(d.y);
    const double width = size.font * 0.55 * static_cast<double>(d.label.size());
    const double h = size.font;
    for (const auto& [dx, dy] :
         {std::pair{0.0, 1.5 * h}, {0.0, -0.8 * h}, {0.0, 2.7 * h}, {0.0, -2.0 * h}}) {
      const double at = std::clamp(x + dx, a.left + width / 2, a.right - width / 2);
      const Box box{at - width / 2, y + dy - h, at + width / 2, y + dy + 2};
      const bool free = box.y2 < a.bottom && box.y1 > a.top - h &&
                        std::none_of(taken.begin(), taken.end(), [&](const Box& t) {
                          return box.x1 < t.x2 && t.x1 < box.x2 && box.y1 < t.y2 && t.y1 < box.y2;
                        });
      if (!free) continue;
      svg->text(at, y + dy, "halo", Anchor::middle, d.label);
      taken.push_back(box);
      break;
    }
  }
}

}  // namespace

std::string speed_chart(const SweepReport& r, SpeedAxis axis, const std::string& title,
                        const ChartSize& size) {
  const bool timed = axis == SpeedAxis::time;
  const std::vector<DrawnCurve> curves = timed ? curves_by_time(r) : curves_by_policy(r, axis);
  double x_low = 100, x_high = 100, y_low = 1e300, y_high = -1e300;
  for (const DrawnCurve& c : curves) {
    for (const Drawn& d : c.points) {
      x_low = std::min(x_low, d.low);
      x_high = std::max(x_high, d.high);
      if (!std::isfinite(d.y)) continue;
      y_low = std::min(y_low, d.y);
      y_high = std::max(y_high, d.y);
    }
  }
  if (y_low > y_high) y_low = y_high = 0;
  const double room = std::max((y_high - y_low) * 0.06, is_regression(r) ? 0.002 : 0.2);
  PlotArea a;
  a.left = size.font * 4.2;
  a.right = size.width - size.font;
  const double head = title.empty() ? size.font * 1.2 : size.font * 3.0;
  a.top = head + legend_height(curves, a.left - size.font * 2, a.right, true, size);
  a.bottom = size.height - size.font * 4.4;
  a.x = round_axis(std::max(0.0, x_low - 5), x_high + 3, size.width > 500 ? 8 : 5);
  a.y = round_axis(y_low - room, y_high + room, 5);

  const char* what = axis == SpeedAxis::layers ? "layers computed"
                     : axis == SpeedAxis::macs ? "multiply-accumulates"
                                               : "measured time";
  Svg svg(size.width, size.height, size.font,
          fmt::format("{}{}{} against {}", title, title.empty() ? "" : ": ", r.quality_name, what));
  if (!title.empty()) svg.text(size.font, size.font * 1.7, "strong", Anchor::start, title);
  draw_legend(curves, a.left - size.font * 2, a.right, head, true, size, &svg);
  draw_axes(a, size, axis_text(r), true,
            fmt::format("{}, share of full depth (\u2190 faster)", what), &svg);
  std::vector<std::pair<double, double>> front;
  for (const auto& [x, y] : front_of(curves)) front.emplace_back(a.at_x(x), a.at_y(y));
  svg.polyline(front, "front");
  for (size_t i = 0; i < curves.size(); ++i)
    draw_curve(a, curves[i], static_cast<int>(i), size, &svg);
  if (timed && !curves.empty()) draw_labels(a, curves.front(), size, &svg);
  return svg.finish();
}

std::string quality_by_layer_chart(const SweepReport& r, const ChartSize& size) {
  PlotArea a;
  a.left = size.font * 4.2;
  a.right = size.width - size.font * 1.5;
  a.top = size.font * 1.5;
  a.bottom = size.height - size.font * 3.4;
  double low = 1e300, high = -1e300;
  for (const ExitSummary& e : r.exits) {
    for (const double v : {e.quality, e.interval.low, e.interval.high}) {
      if (!std::isfinite(v)) continue;
      low = std::min(low, y_of(r, v));
      high = std::max(high, y_of(r, v));
    }
  }
  if (low > high) low = high = 0;
  a.x = {0.5, static_cast<double>(r.layers) + 0.5, {}};
  const double room = (high - low) * 0.06;
  a.y = round_axis(low - room, high + room, 5);
  for (const ExitSummary& e : r.exits) a.x.ticks.push_back(static_cast<double>(e.layer));
  Svg svg(size.width, size.height, size.font, r.quality_name + " if all rows left at one layer");
  draw_axes(a, size, axis_text(r), false, "layer", &svg);
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
  PlotArea a;
  a.left = size.font * 4.2;
  a.right = size.width - size.font * 1.5;
  a.top = size.font * 1.5;
  a.bottom = size.height - size.font * 3.4;
  double high = 0;
  for (const ExitSummary& e : r.exits) high = std::max(high, e.mean_entropy);
  a.x = {0.5, static_cast<double>(r.layers) + 0.5, {}};
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
    svg.marker(
        a.at_x(b.mean_prob), a.at_y(share), 0, radius,
        fmt::format("{} rows: probability {:.3f}, right {:.3f}", b.rows, b.mean_prob, share));
  }
  svg.text((a.left + a.right) / 2, size.height - 4, "soft", Anchor::middle, "probability");
  return svg.finish();
}

}  // namespace costeff::tasks
