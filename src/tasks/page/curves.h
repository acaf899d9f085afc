#pragma once

// Curves, their axes and their legend: what the pictures of reports are drawn of.

#include <functional>
#include <string>
#include <vector>

#include "tasks/page/svg.h"

namespace costeff::tasks {

struct ChartSize {
  double width = 360, height = 300, font = 11;
};

// A point of a curve.
struct Drawn {
  double x, y, low, high;  // low to high: the range of x
  std::string title, label;
  bool front = false;
};
struct DrawnCurve {
  std::string name;
  std::vector<Drawn> points;
  bool joined = true;
};

using AxisText = std::function<std::string(double)>;  // of a tick

// percent_x: x is a share of full depth; how many times faster that is stands below it.
void draw_axes(const PlotArea& area, const ChartSize& size, const AxisText& y_text, bool percent_x,
               const std::string& x_label, Svg* svg);

// What a legend names besides curves.
struct LegendExtras {
  bool front = false, noise = false, ring = false;
};

// Draws the curves' names in lines below the title, and returns the height they take.
double draw_legend(const std::vector<DrawnCurve>& curves, double left, double right, double top,
                   const LegendExtras& extras, const ChartSize& size, Svg* svg);
// That height, found by drawing it once and throwing the drawing away.
double legend_height(const std::vector<DrawnCurve>& curves, double left, double right,
                     const LegendExtras& extras, const ChartSize& size);

void draw_curve(const PlotArea& area, const DrawnCurve& curve, int style, const ChartSize& size,
                Svg* svg);

// A whole picture.
struct LineChart {
  std::string title;  // read to those who do not see it
  std::string x_label;
  AxisText y_text;
  std::vector<DrawnCurve> curves;
  std::vector<double> borders;  // vertical lines, between the parts of a run
};
std::string line_chart(const LineChart& chart, const ChartSize& size);

}  // namespace costeff::tasks
