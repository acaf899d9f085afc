#pragma once

// A sweep as a page and as a picture. Each file stands alone: no network, no scripts, no fonts from
// elsewhere. Light or dark as the reader's system asks; readable without colour.

#include <string>
#include <string_view>

#include "tasks/judge/sweep.h"

namespace costeff::tasks {

enum class SpeedAxis { layers, macs, time };

// Only the accuracy-speed picture, 720 x 420. `time` needs points that were timed.
std::string sweep_svg(const SweepReport& report, SpeedAxis axis, const std::string& title);

std::string sweep_html(const SweepReport& report, const std::string& title);

// What every page is made of: all up to its heading, and a picture with a caption (empty: none). A
// page ends with kPageEnd.
std::string page_begin(const std::string& title);
void append_figure(const std::string& svg, const std::string& caption, std::string* out);
inline constexpr std::string_view kPageEnd = "</body></html>\n";
// Text in running HTML, whatever direction it is written in.
std::string html_text(const std::string& text);

}  // namespace costeff::tasks
