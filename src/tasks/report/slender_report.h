#pragma once

// What costeff slenderize did, as text and as JSON.

#include <costeff/slenderize.h>

#include <optional>
#include <string>
#include <vector>

namespace costeff::tasks {

struct SlenderReport {
  std::string model, out;
  std::vector<std::string> data, dev;
  std::string fit;     // --tune
  double macs = 0;     // --macs
  std::string metric;  // of the rows to judge by
  SlenderizePlan plan;
  std::optional<SlenderizeResult> result;  // none: a dry run
  double seconds = 0;
};

// The widths of each layer, then what changed.
std::string slender_text(const SlenderReport& report);
// One object: model out data dev tune share metric dialect rows dev_rows tokens before after (heads
// neurons parameters macs), and with a result metric_before metric_after files seconds.
std::string slender_json(const SlenderReport& report);

}  // namespace costeff::tasks
