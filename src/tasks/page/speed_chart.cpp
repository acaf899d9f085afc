#include "tasks/page/speed_chart.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "tasks/page/quality_axis.h"
#include "tasks/sweep/points.h"
#include "tasks/sweep/study.h"

namespace costeff::tasks {
namespace {

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

// In percent; of the time of the first batch size.
double share_of_full(const SweepPoint& p, SpeedAxis axis) {
  if (axis == SpeedAxis::layers) return 100 / p.speedup_layers;
  if (axis == SpeedAxis::macs) return 100 / p.speedup_macs;
  return p.timings.empty() ? kNaN : 100 / p.timings.front().speedup;
}

// Settings that are worse than `from` are left out.
std::vector<DrawnCurve> curves_by_policy(const SweepReport& r, SpeedAxis axis, double from) {
  std::vector<DrawnCurve> curves;
  for (const SweepPoint& p : r.points) {
    if (p.quality < from || !std::isfinite(p.quality)) continue;
    const std::string name = curve_name(p);
    const auto at = std::find_if(curves.begin(), curves.end(),
                                 [&](const DrawnCurve& c) { return c.name == name; });
    DrawnCurve& c = at != curves.end() ? *at : curves.emplace_back();
    c.name = name;
    c.joined = p.family != "given";
    const double x = share_of_full(p, axis);
    c.points.push_back({x, y_of(r, p.quality), x, x, title_of(r, p), "", p.pareto});
  }
  // Single points last, so that they lie on top.
  std::stable_partition(curves.begin(), curves.end(),
                        [](const DrawnCurve& c) { return c.points.size() > 1 && c.joined; });
  return curves;
}

// One curve for each batch size.
std::vector<DrawnCurve> curves_by_time(const SweepReport& r, double from) {
  std::vector<DrawnCurve> curves;
  std::string only_name;
  bool one_policy = true;
  for (const SweepPoint& p : r.points) {
    if (p.timings.empty() || p.name == "never") continue;
    one_policy = one_policy && (only_name.empty() || only_name == p.name);
    only_name = p.name;
  }
  for (const SweepPoint& p : r.points) {
    if (p.quality < from || !std::isfinite(p.quality)) continue;
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

// What one picture shows, in the units of its axes.
struct SpeedPicture {
  std::vector<DrawnCurve> curves;
  bool regression = false, labelled = false;    // labelled: points have labels to draw
  Interval noise{kNaN, kNaN};                   // of full depth's quality
  std::vector<std::pair<double, double>> ring;  // the recommended point, if it is there
  std::string x_label, spoken;
};

PlotArea plot_area(const SpeedPicture& p, double top, const ChartSize& size) {
  double x_low = 100, x_high = 100, y_low = 1e300, y_high = -1e300;
  for (const DrawnCurve& c : p.curves) {
    for (const Drawn& d : c.points) {
      x_low = std::min(x_low, d.low);
      x_high = std::max(x_high, d.high);
      if (!std::isfinite(d.y)) continue;
      y_low = std::min(y_low, d.y);
      y_high = std::max(y_high, d.y);
    }
  }
  if (y_low > y_high) y_low = y_high = 0;
  const double room = std::max((y_high - y_low) * 0.06, p.regression ? 0.002 : 0.2);
  PlotArea a;
  a.left = size.font * 4.2;
  a.right = size.width - size.font;
  a.top = top;
  a.bottom = size.height - size.font * 4.4;
  a.x = round_axis(std::max(0.0, x_low - 5), x_high + 3, size.width > 500 ? 8 : 5);
  a.y = round_axis(y_low - room, y_high + room, 5);
  return a;
}

void draw_noise(const PlotArea& a, const Interval& noise, Svg* svg) {
  const double top = a.at_y(std::min(noise.high, a.y.high)),
               bottom = a.at_y(std::max(noise.low, a.y.low));
  if (bottom > top) svg->rect(a.left, top, a.right - a.left, bottom - top, "noise");
}

std::string draw(const SpeedPicture& p, const std::string& title, const ChartSize& size) {
  const double head = title.empty() ? size.font * 1.2 : size.font * 3.0;
  const double legend_left = size.font * 2.2, right = size.width - size.font;
  const LegendExtras extras{true, std::isfinite(p.noise.low), !p.ring.empty()};
  const PlotArea a =
      plot_area(p, head + legend_height(p.curves, legend_left, right, extras, size), size);
  Svg svg(size.width, size.height, size.font,
          title.empty() ? p.spoken : fmt::format("{}: {}", title, p.spoken));
  if (!title.empty()) svg.text(size.font, size.font * 1.7, "strong", Anchor::start, title);
  if (extras.noise) draw_noise(a, p.noise, &svg);
  draw_legend(p.curves, legend_left, right, head, extras, size, &svg);
  draw_axes(a, size, quality_axis_text(p.regression), true, p.x_label, &svg);
  std::vector<std::pair<double, double>> front;
  for (const auto& [x, y] : front_of(p.curves)) front.emplace_back(a.at_x(x), a.at_y(y));
  svg.polyline(front, "front");
  for (size_t i = 0; i < p.curves.size(); ++i)
    draw_curve(a, p.curves[i], static_cast<int>(i), size, &svg);
  for (const auto& [x, y] : p.ring) svg.ring(a.at_x(x), a.at_y(y), size.font * 0.8);
  if (p.labelled && !p.curves.empty()) draw_labels(a, p.curves.front(), size, &svg);
  return svg.finish();
}

Interval noise_of(const SweepReport& r) {
  const Interval i = full_depth_interval(r);
  return {y_of(r, i.low), y_of(r, i.high)};
}

}  // namespace

std::string speed_chart(const SweepReport& r, SpeedAxis axis, const std::string& title,
                        const ChartSize& size, double from) {
  const bool timed = axis == SpeedAxis::time;
  SpeedPicture p;
  p.curves = timed ? curves_by_time(r, from) : curves_by_policy(r, axis, from);
  p.regression = is_regression(r);
  p.labelled = timed;
  if (r.labelled && !r.points.empty()) p.noise = noise_of(r);
  if (r.verdict.point > 0) {
    const SweepPoint& best = r.points[static_cast<size_t>(r.verdict.point)];
    const double x = share_of_full(best, axis);
    if (std::isfinite(x) && !(best.quality < from)) p.ring.emplace_back(x, y_of(r, best.quality));
  }
  const char* what = axis == SpeedAxis::layers ? "layers computed"
                     : axis == SpeedAxis::macs ? "multiply-accumulates"
                                               : "measured time";
  p.x_label = fmt::format("{}, share of full depth (\u2190 faster)", what);
  p.spoken = fmt::format("{} against {}", r.quality_name, what);
  return draw(p, title, size);
}

double close_look_from(const SweepReport& r) {
  if (r.points.empty()) return kNaN;
  double low = 1e300, high = -1e300;
  for (const SweepPoint& p : r.points) {
    if (!std::isfinite(p.quality)) continue;
    low = std::min(low, p.quality);
    high = std::max(high, p.quality);
  }
  const double full = r.points.front().quality;
  const Interval noise = full_depth_interval(r);
  const double from = std::min(full - 0.03, std::isfinite(noise.low) ? noise.low : full);
  const bool worth = high - from < 0.5 * (high - low);
  return worth ? from : kNaN;
}

std::string models_chart(std::span<const SweepReport> models, const std::string& title,
                         const ChartSize& size, double from) {
  SpeedPicture p;
  double dearest = 0;
  for (const SweepReport& r : models) dearest = std::max(dearest, r.full_macs);
  const std::vector<std::string> names = study_names(models);
  for (size_t m = 0; m < models.size(); ++m) {
    const SweepReport& r = models[m];
    DrawnCurve& c = p.curves.emplace_back();
    c.name = names[m];
    std::vector<StudyPoint> front = study_front({&r, 1});
    front.push_back({0, 0});  // full depth, if it is not the last of them
    for (const StudyPoint& at : front) {
      const SweepPoint& point = r.points[at.point];
      if (point.quality < from || !std::isfinite(point.quality)) continue;
      const double x = 100 * point.macs / dearest;
      c.points.push_back({x, y_of(r, point.quality), x, x, title_of(r, point), "", true});
    }
    std::sort(c.points.begin(), c.points.end(),
              [](const Drawn& a, const Drawn& b) { return a.x < b.x; });
  }
  const StudyVerdict verdict = study_verdict(models);
  const SweepReport& reference = models[verdict.reference];
  p.regression = is_regression(reference);
  if (reference.labelled) p.noise = noise_of(reference);
  const SweepReport& best = models[verdict.model];
  const SweepPoint& point = best.points[verdict.point];
  p.ring.emplace_back(100 * point.macs / dearest, y_of(best, point.quality));
  p.x_label = "multiply-accumulates, share of the dearest model's full depth (\u2190 faster)";
  p.spoken = fmt::format("{} of several models against multiply-accumulates", best.quality_name);
  return draw(p, title, size);
}

}  // namespace costeff::tasks
