#include "tasks/page/svg.h"

#include <array>
#include <cmath>

#include "base/format.h"
#include "base/utf8.h"

namespace costeff::tasks {
namespace {

// Okabe and Ito's colours, which most colour-blind readers tell apart; darker on white, lighter on
// black.
constexpr std::array<const char*, kCurveStyles> kLight{"#0072b2", "#c04f00", "#007a5a", "#9b3f86",
                                                       "#806600", "#4a4f57", "#b3282d", "#3d4db3"};
constexpr std::array<const char*, kCurveStyles> kDark{"#6cb8f0", "#ff9a57", "#4ed6a8", "#e39bd0",
                                                      "#e6cc58", "#c3c8d0", "#ff8a8a", "#a9b4ff"};
constexpr std::array<const char*, kCurveStyles> kDashes{"none", "7 3", "2 3",  "9 3 2 3",
                                                        "4 4",  "1 4", "12 4", "3 2 1 2"};

const char* anchor_name(Anchor a) {
  switch (a) {
    case Anchor::start:
      return "start";
    case Anchor::middle:
      return "middle";
    case Anchor::end:
      return "end";
  }
  return "";
}

}  // namespace

std::string fixed_text(double v, int decimals) { return fmt::format("{:.{}f}", v, decimals); }

std::string escape_html(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    bool bad = false;
    const uint32_t c = next_code_point(text, &at, &bad);
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '\t':
      case '\n':
      case '\r':
        out += ' ';
        break;
      default: {
        const bool control = c < 0x20 || (c >= 0x7f && c < 0xa0);
        const bool unmarked = c == 0xfffe || c == 0xffff;  // XML has no such characters
        append_utf8(control || unmarked ? kReplacement : c, &out);
      }
    }
  }
  return out;
}

std::string report_style(std::string_view root) {
  const auto variables = [](const std::array<const char*, kCurveStyles>& colours) {
    std::string s;
    for (size_t i = 0; i < colours.size(); ++i) append_format(&s, "--c{}:{};", i, colours[i]);
    return s;
  };
  std::string css = fmt::format(
      "{0}{{--ink:#1b212c;--soft:#5a6474;--grid:#dfe3ea;--paper:#fff;--band:#ffd76a;{1}}}\n"
      "@media(prefers-color-scheme:dark){{"
      "{0}{{--ink:#e8ecf3;--soft:#a3adbc;--grid:#333c4a;--paper:#12161d;--band:#6b5a1e;{2}}}}}\n",
      root, variables(kLight), variables(kDark));
  css +=
      "svg{font-family:system-ui,-apple-system,'Segoe UI',sans-serif}svg text{fill:var(--ink)}"
      "svg .soft{fill:var(--soft)}svg .strong{font-weight:600}"
      "svg .grid{stroke:var(--grid);stroke-width:1}svg .axis{stroke:var(--soft);stroke-width:1}"
      "svg .front{fill:none;stroke:var(--band);stroke-width:9;stroke-linejoin:round;"
      "stroke-linecap:round}"
      "svg .bar{fill:var(--c0)}svg .even{stroke:var(--soft);stroke-width:1;stroke-dasharray:3 3}"
      "svg .noise{fill:var(--c0);opacity:.1}"
      "svg .ring{fill:none;stroke:var(--ink);stroke-width:2}"
      "svg .whisker{stroke:var(--soft);stroke-width:1.2}svg .paper{fill:var(--paper)}"
      "svg .halo{paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}\n";
  for (size_t i = 0; i < kDashes.size(); ++i) {
    append_format(&css,
                  "svg .l{0}{{fill:none;stroke:var(--c{0});stroke-width:1.8;stroke-dasharray:{1}}}"
                  "svg .m{0}{{fill:var(--paper);stroke:var(--c{0});stroke-width:1.8}}\n",
                  i, kDashes[i]);
  }
  return css;
}

Axis round_axis(double low, double high, int count) {
  if (!(high > low)) {
    const double room = std::max(std::abs(low) * 0.05, 0.01);
    low -= room;
    high += room;
  }
  const double wanted = (high - low) / count;
  const double power = std::pow(10.0, std::floor(std::log10(wanted)));
  double step = 10 * power;
  for (const double s : {1.0, 2.0, 2.5, 5.0}) {
    if (s * power >= wanted * 0.999) {
      step = s * power;
      break;
    }
  }
  Axis axis{low, high, {}};
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k)
    axis.ticks.push_back(k == 0 ? 0 : k * step);  // not -0
  return axis;
}

Svg::Svg(double width, double height, double font_size, std::string_view label) {
  head_ = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.1f} {:.1f}\" "
      "font-size=\"{:.1f}\" "
      "role=\"img\" aria-label=\"{}\">",
      width, height, font_size, escape_html(label));
}

void Svg::text(double x, double y, std::string_view css_class, Anchor anchor,
               std::string_view text) {
  append_format(&body_, "<text x=\"{:.1f}\" y=\"{:.1f}\"", x, y);
  if (anchor != Anchor::start) append_format(&body_, " text-anchor=\"{}\"", anchor_name(anchor));
  if (!css_class.empty()) append_format(&body_, " class=\"{}\"", css_class);
  append_format(&body_, ">{}</text>", escape_html(text));
}

void Svg::line(double x1, double y1, double x2, double y2, std::string_view css_class) {
  append_format(&body_,
                "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>", x1,
                y1, x2, y2, css_class);
}

void Svg::polyline(const std::vector<std::pair<double, double>>& points,
                   std::string_view css_class) {
  append_format(&body_, "<polyline class=\"{}\" points=\"", css_class);
  const char* between = "";
  for (const auto& [x, y] : points) {
    append_format(&body_, "{}{:.1f},{:.1f}", between, x, y);
    between = " ";
  }
  body_ += "\"/>\n";
}

void Svg::rect(double x, double y, double width, double height, std::string_view css_class) {
  append_format(&body_,
                "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"{}\"/>",
                x, y, width, height, css_class);
}

void Svg::marker(double x, double y, int style, double size, std::string_view title) {
  const double r = size;
  const auto path = [&](std::initializer_list<std::pair<double, double>> points, bool closed) {
    std::string d;
    for (const auto& [dx, dy] : points) {
      append_format(&d, "{}{:.1f} {:.1f}", d.empty() ? "M" : "L", x + dx * r, y + dy * r);
    }
    return fmt::format("<path d=\"{}{}\"", d, closed ? "Z" : "");
  };
  const int kind = style % kCurveStyles;
  std::string shape;
  switch (kind) {
    case 0:
      shape = fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\"", x, y, r);
      break;
    case 1:
      shape = path({{-0.9, -0.9}, {0.9, -0.9}, {0.9, 0.9}, {-0.9, 0.9}}, true);
      break;
    case 2:
      shape = path({{0, -1.15}, {1.1, 0.8}, {-1.1, 0.8}}, true);
      break;
    case 3:
      shape = path({{0, -1.25}, {1.25, 0}, {0, 1.25}, {-1.25, 0}}, true);
      break;
    case 4:
      shape = path({{0, 1.15}, {1.1, -0.8}, {-1.1, -0.8}}, true);
      break;
    case 5:
      shape = path({{-1, -1}, {1, 1}, {0, 0}, {1, -1}, {-1, 1}}, false);
      break;
    case 6:
      shape = path({{-1.2, 0}, {1.2, 0}, {0, 0}, {0, -1.2}, {0, 1.2}}, false);
      break;
    default:
      shape = path({{-0.6, -1.1}, {0.6, -1.1}, {1.2, 0}, {0.6, 1.1}, {-0.6, 1.1}, {-1.2, 0}}, true);
  }
  append_format(&body_, "{} class=\"m{}\">", shape, kind);
  if (!title.empty()) append_format(&body_, "<title>{}</title>", escape_html(title));
  body_ += kind == 0 ? "</circle>" : "</path>";
}

void Svg::ring(double x, double y, double radius) {
  append_format(&body_, "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" class=\"ring\"/>", x, y,
                radius);
}

std::string Svg::finish() const { return head_ + body_ + "</svg>"; }

}  // namespace costeff::tasks
