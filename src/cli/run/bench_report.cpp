#include "cli/run/bench_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/utf8.h"
#include "cli/run/stats.h"

namespace costeff::cli {
namespace {

using OrderedJson = nlohmann::ordered_json;

// Share of the peak in percent, or "-".
std::string percent(double part, double whole) {
  if (!(whole > 0)) return "-";
  return fmt::format("{:.0f}%", 100 * part / whole);
}

constexpr const char* kAboveOneText =
    "\nmore than 100%: that was faster than the machine while its peak was measured\n"
    "(clock rates and the load of other programs change), or its weights lay in the\n"
    "CPU's caches, which are faster than memory\n";

OrderedJson share(double part, double whole) {
  return whole > 0 ? OrderedJson(part / whole) : OrderedJson();
}

// In the median run; 1e9 multiply-accumulates per second.
double gmacs_per_s(const LatencyPoint& p) { return p.macs / p.median_ms / 1e6; }

// Most sentences per second, by the larger of MACs / peak and weight bytes / bandwidth; 0: unknown.
double roofline(const LatencyPoint& p, const MachinePeak& peak) {
  if (!(peak.gmacs_per_s > 0)) return 0;
  return 1e9 / std::max(p.macs / peak.gmacs_per_s, p.weight_bytes / peak.read_gb_per_s);
}

// Is any share above 100% when it is rounded as printed?
bool any_share_above_one(const BenchReport& r) {
  const auto above = [](double part, double whole) { return whole > 0 && part / whole >= 1.005; };
  for (const LatencyPoint& p : r.latency) {
    if (above(gmacs_per_s(p), r.peak.gmacs_per_s) || above(1e3 / p.median_ms, roofline(p, r.peak)))
      return true;
  }
  for (const ThroughputPoint& p : r.throughput) {
    if (above(p.gmacs_per_s, r.peak.gmacs_per_s)) return true;
  }
  return false;
}

OrderedJson stage_json(const ThroughputPoint& p) {
  const RunStats& s = p.stats;
  return {{"tokenize", s.tokenize_s}, {"embed", s.embed_s}, {"attention", s.attention_s},
          {"ffn", s.ffn_s},           {"exits", s.exits_s}, {"output", p.output_s}};
}

}  // namespace

std::string bench_json(const BenchReport& r) {
  OrderedJson j = {{"model", r.model},
                   {"dtype", compute_type_name(r.compute)},
                   {"threads", r.peak.threads},
                   {"machine",
                    {{"cpu", r.peak.cpu},
                     {"kernels", r.peak.kernels},
                     {"peak_gflops", 2 * r.peak.gmacs_per_s},
                     {"read_gb_per_s", r.peak.read_gb_per_s}}},
                   {"latency", OrderedJson::array()},
                   {"throughput", OrderedJson::array()}};
  for (const LatencyPoint& p : r.latency) {
    j["latency"].push_back({{"length", p.length},
                            {"median_ms", p.median_ms},
                            {"p95_ms", p.p95_ms},
                            {"p99_ms", p.p99_ms},
                            {"runs", p.runs},
                            {"mean_exit_layer", p.mean_exit_layer},
                            {"gflops", 2 * gmacs_per_s(p)},
                            {"peak_share", share(gmacs_per_s(p), r.peak.gmacs_per_s)},
                            {"roofline_share", share(1e3 / p.median_ms, roofline(p, r.peak))}});
  }
  for (const ThroughputPoint& p : r.throughput) {
    j["throughput"].push_back({{"policy", p.policy},
                               {"rows", p.stats.rows},
                               {"tokens", p.stats.tokens},
                               {"seconds", p.seconds},
                               {"fastest_s", p.fastest_s},
                               {"slowest_s", p.slowest_s},
                               {"rows_per_s", static_cast<double>(p.stats.rows) / p.seconds},
                               {"tokens_per_s", static_cast<double>(p.stats.tokens) / p.seconds},
                               {"mean_exit_layer", mean_exit_layer(p.stats)},
                               {"gflops", 2 * p.gmacs_per_s},
                               {"peak_share", share(p.gmacs_per_s, r.peak.gmacs_per_s)},
                               {"stage_seconds", stage_json(p)}});
  }
  return j.dump(2) + "\n";
}

std::string bench_text(const BenchReport& r) {
  std::string out;
  append_format(&out, "{}, {}, kernels {}, {} thread{}\n", printable(r.model),
                compute_type_name(r.compute), r.peak.kernels, r.peak.threads,
                r.peak.threads == 1 ? "" : "s");
  append_format(&out, "this machine: {}; {:.0f} GFLOP/s at most, {:.1f} GB/s read from memory\n",
                r.peak.cpu.empty() ? "CPU" : printable(r.peak.cpu, 60), 2 * r.peak.gmacs_per_s,
                r.peak.read_gb_per_s);
  if (!r.latency.empty()) {
    out += "\none text at a time\n";
    out += " tokens median ms    p95 ms    p99 ms  exit layer  GFLOP/s  of peak  of roofline\n";
  }
  for (const LatencyPoint& p : r.latency) {
    append_format(&out, "{:7} {:9.3f} {:9.3f} {:9.3f} {:11.2f} {:8.0f} {:>8} {:>12}\n", p.length,
                  p.median_ms, p.p95_ms, p.p99_ms, p.mean_exit_layer, 2 * gmacs_per_s(p),
                  percent(gmacs_per_s(p), r.peak.gmacs_per_s),
                  percent(1e3 / p.median_ms, roofline(p, r.peak)));
  }
  for (const ThroughputPoint& p : r.throughput) {
    const RunStats& s = p.stats;
    append_format(&out, "\n{} rows, {} tokens, {}\n", s.rows, s.tokens, p.policy);
    append_format(&out, "  {:.3f} s ({:.3f} to {:.3f}), {:.1f} rows/s\n", p.seconds, p.fastest_s,
                  p.slowest_s, static_cast<double>(s.rows) / p.seconds);
    append_format(&out, "  mean exit layer {:.2f}, {:.0f} GFLOP/s, {} of peak\n",
                  mean_exit_layer(s), 2 * p.gmacs_per_s,
                  percent(p.gmacs_per_s, r.peak.gmacs_per_s));
    append_format(
        &out,
        "  seconds by stage, all threads: tokenize {:.3f}, embed {:.3f}, attention {:.3f},\n"
        "  feed-forward {:.3f}, exits {:.3f}, output {:.3f}\n",
        s.tokenize_s, s.embed_s, s.attention_s, s.ffn_s, s.exits_s, p.output_s);
  }
  return any_share_above_one(r) ? out + kAboveOneText : out;
}

}  // namespace costeff::cli
