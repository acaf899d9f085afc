#include "cli/point_flags.h"

#include <costeff/engine.h>

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "base/format.h"
#include "base/utf8.h"
#include "cli/flag_checks.h"
#include "cli/policy_flags.h"

namespace costeff::cli {
namespace {

constexpr double kMostPoints = 10000;

ExitPolicy policy_of(const PolicyFlags& f, const ExitPolicy& of_model, bool regression) {
  return policy_from_flags(f, of_model, regression).value_or(of_model);
}

// "max-prob:0.9" as flags.
PolicyFlags parse_point(const std::string& text) {
  PolicyFlags f;
  const size_t colon = text.find(':');
  f.policy = text.substr(0, colon);
  const PolicyKind kind = parse_policy_kind(f.policy);
  const std::string value = colon == std::string::npos ? "" : text.substr(colon + 1);
  const auto whole = [&](int64_t low) {
    int64_t n = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), n);
    if (error != std::errc() || end != value.data() + value.size() || n < low || n > kMostLayers) {
      throw_usage("--point " + printable(text, 80) + ": \"" + printable(value, 40) +
                  "\", expected a whole number from " + std::to_string(low) + " to " +
                  std::to_string(kMostLayers));
    }
    return n;
  };
  switch (kind) {
    case PolicyKind::never:
      if (!value.empty()) throw_usage("--point " + printable(text, 80) + ": never takes no value");
      break;
    case PolicyKind::fixed:
      f.exit_layer = whole(1);
      break;
    case PolicyKind::patience:
      f.patience = whole(0);
      break;
    default:
      if (value.empty()) {
        throw_usage("--point " + printable(text, 80) + ", expected a threshold: " + f.policy +
                    ":0.5");
      }
      f.threshold = value;
  }
  return f;
}

}  // namespace

void add_point_flags(CLI::App* app, PointFlags* f) {
  const char* group = "Exit policies (each flag may be given more than once)";
  app->add_option("--threshold,-S", f->threshold,
                  "A threshold of the policy: a number, or one a layer (0.3,0.2,0.1). Entropy is "
                  "in nats")
      ->type_name("X[,X...]")
      ->allow_extra_args(false)
      ->group(group);
  app->add_option("--thresholds", f->thresholds,
                  "Many at once, one number for all layers each: 0,0.1,0.2 or first:last:step")
      ->type_name("LIST")
      ->group(group);
  app->add_option("--policy", f->policy,
                  "What the thresholds are of: entropy (leave below), max-prob or margin (above), "
                  "learned (below). Default: the model's own policy, else entropy; without any "
                  "threshold never")
      ->type_name("NAME")
      ->group(group);
  app->add_option("--patience", f->patience,
                  "Leave when N exits in a row agree with the one before them")
      ->type_name("N")
      ->allow_extra_args(false)
      ->check(whole_number(0, kMostLayers))
      ->group(group);
  app->add_option("--exit-layer", f->exit_layer, "Leave at this layer")
      ->type_name("K")
      ->allow_extra_args(false)
      ->check(whole_number(1, kMostLayers))
      ->group(group);
  app->add_option("--point", f->points,
                  "Any policy in one word: entropy:0.3, max-prob:0.9, margin:0.5, learned:0.2, "
                  "patience:3, fixed:2, never")
      ->type_name("POINT")
      ->allow_extra_args(false)
      ->group(group);
  app->add_option("--exit-start", f->exit_start, "No exit before this layer")
      ->type_name("K")
      ->check(whole_number(1, kMostLayers))
      ->group(group);
}

std::vector<double> parse_threshold_list(const std::string& text) {
  const auto fail = [&](const std::string& why) {
    throw_usage("--thresholds \"" + printable(text, 80) + "\"" + why +
                ", expected numbers 0,0.1,0.2 or first:last:step");
  };
  if (text.find(':') == std::string::npos) {
    if (text.find(';') != std::string::npos) fail("");
    return parse_thresholds(text);
  }
  double part[3] = {};
  const char* at = text.data();
  const char* end = at + text.size();
  for (int i = 0; i < 3; ++i) {
    const auto [stop, error] = std::from_chars(at, end, part[i]);
    if (error != std::errc() || !std::isfinite(part[i])) fail("");
    if (i < 2 ? (stop == end || *stop != ':') : stop != end) fail("");
    at = stop + 1;
  }
  const auto [first, last, step] = part;
  if (!(step > 0)) fail(": the step is not above 0");
  if (last < first) fail(": the last lies before the first");
  if ((last - first) / step >= kMostPoints) fail(": more than 10000 thresholds");
  std::vector<double> values;
  // The last one counts where only rounding keeps it out; 0.1 * 3 is 0.3 to whoever types it.
  const auto steps = static_cast<int64_t>(std::floor((last - first) / step + 1e-9));
  for (int64_t i = 0; i <= steps; ++i) {
    const std::string rounded = string_printf("%.12g", first + static_cast<double>(i) * step);
    values.push_back(std::strtod(rounded.c_str(), nullptr));
  }
  return values;
}

PolicyPoint describe_point(const ExitPolicy& p) {
  PolicyPoint point;
  point.policy = p;
  point.name = policy_name(p.kind);
  switch (p.kind) {
    case PolicyKind::never:
      point.text = "never (full depth)";
      return point;
    case PolicyKind::fixed:
      point.setting = std::to_string(p.layer);
      point.text = "leave at layer " + point.setting;
      return point;
    case PolicyKind::patience:
      point.setting = std::to_string(p.patience);
      point.text = "patience " + point.setting;
      if (!p.thresholds.empty()) point.text += " < " + shortest_list(p.thresholds);
      break;
    default: {
      const bool above = p.kind == PolicyKind::max_prob || p.kind == PolicyKind::margin;
      point.setting = shortest_list(p.thresholds);
      point.text = point.name + (above ? " > " : " < ") + point.setting;
    }
  }
  if (p.exit_start > 1) point.text += " from " + std::to_string(p.exit_start);
  return point;
}

std::vector<PolicyPoint> points_from_flags(const PointFlags& f, const ExitPolicy& of_model,
                                           bool regression) {
  std::vector<PolicyFlags> asked;
  PolicyFlags base;
  base.policy = f.policy;
  base.exit_start = f.exit_start;
  std::vector<std::string> thresholds = f.threshold;
  if (!f.thresholds.empty()) {
    for (const double t : parse_threshold_list(f.thresholds)) thresholds.push_back(shortest(t));
  }
  // A regression's patience has a threshold as well: each with each.
  const bool together = regression && !f.patience.empty() && !thresholds.empty();
  const bool has_own_flag = (f.policy == "patience" && !f.patience.empty()) ||
                            (f.policy == "fixed" && !f.exit_layer.empty());
  if (!f.policy.empty() && thresholds.empty() && !has_own_flag) asked.push_back(base);
  if (together) {
    for (const int64_t n : f.patience) {
      for (const std::string& t : thresholds) {
        PolicyFlags p = base;
        p.policy = "patience";
        p.patience = n;
        p.threshold = t;
        asked.push_back(p);
      }
    }
  } else {
    for (const std::string& t : thresholds) {
      PolicyFlags p = base;
      p.threshold = t;
      asked.push_back(p);
    }
    for (const int64_t n : f.patience) {
      PolicyFlags p;
      p.exit_start = f.exit_start;
      p.patience = n;
      p.policy = "patience";
      asked.push_back(p);
    }
  }
  for (const int64_t k : f.exit_layer) {
    PolicyFlags p;
    p.exit_layer = k;
    p.policy = "fixed";
    asked.push_back(p);
  }
  for (const std::string& text : f.points) {
    PolicyFlags p = parse_point(text);
    if (p.policy != "never" && p.policy != "fixed") p.exit_start = f.exit_start;
    asked.push_back(p);
  }
  if (asked.empty()) asked.push_back(base);
  std::vector<PolicyPoint> points;
  for (const PolicyFlags& p : asked) {
    points.push_back(describe_point(policy_of(p, of_model, regression)));
  }
  return points;
}

}  // namespace costeff::cli
