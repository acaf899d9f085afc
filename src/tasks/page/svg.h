#pragma once

// Pieces of SVG pictures. All texts are escaped here.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace costeff::tasks {

// For text and quoted attributes in HTML and SVG: markup characters become entities, control
// characters and bytes that are not UTF-8 become U+FFFD.
std::string escape_html(std::string_view text);

// The colours of text, grid and the curves 0 to 7, for light and dark, as CSS variables and
// classes. root: the element that has the variables, ":root" or "svg".
std::string report_style(std::string_view root);

inline constexpr int kCurveStyles = 8;  // of colour, dashes and marker; more curves repeat them

struct Axis {
  double low = 0, high = 1;
  std::vector<double> ticks;
};
// An axis that covers [low, high] and has about `count` round ticks.
Axis round_axis(double low, double high, int count);

enum class Anchor { start, middle, end };

class Svg {
 public:
  Svg(double width, double height, double font_size, std::string_view label);

  void text(double x, double y, std::string_view css_class, Anchor anchor, std::string_view text);
  void line(double x1, double y1, double x2, double y2, std::string_view css_class);
  void polyline(const std::vector<std::pair<double, double>>& points, std::string_view css_class);
  void rect(double x, double y, double width, double height, std::string_view css_class);
  // The marker of curve `style`; `title` is shown while a pointer rests on it.
  void marker(double x, double y, int style, double size, std::string_view title);
  // Around a marker that stands out.
  void ring(double x, double y, double radius);
  void raw(std::string_view markup) { body_ += markup; }

  std::string finish() const;  // <svg ...>...</svg>

 private:
  std::string head_, body_;
};

// Maps numbers to places in a picture.
struct PlotArea {
  double left = 0, right = 0, top = 0, bottom = 0;  // edges
  Axis x, y;

  double at_x(double v) const { return left + (v - x.low) / (x.high - x.low) * (right - left); }
  double at_y(double v) const { return bottom - (v - y.low) / (y.high - y.low) * (bottom - top); }
};

std::string fixed_text(double v, int decimals);

}  // namespace costeff::tasks
