#pragma once

// What costeff bench measured, and how it is printed.

#include <costeff/engine.h>
#include <costeff/machine.h>

#include <cstdint>
#include <string>
#include <vector>

namespace costeff::cli {

// One sentence at a time, again and again.
struct LatencyPoint {
  int64_t length = 0;  // tokens
  double mean_exit_layer = 0;
  double median_ms = 0, p95_ms = 0, p99_ms = 0;
  int64_t runs = 0;
  double macs = 0;          // per sentence, on average
  double weight_bytes = 0;  // of the layers that are computed
};

// A whole file.
struct ThroughputPoint {
  std::string policy;
  double seconds = 0;  // median of the rounds
  double fastest_s = 0, slowest_s = 0;
  double gmacs_per_s = 0;
  double output_s = 0;  // time to format rows in the median round
  RunStats stats;       // of the median round
};

struct BenchReport {
  std::string model;
  ComputeType compute = ComputeType::float32;
  MachinePeak peak;  // the better of two measurements, before and after the others
  std::vector<LatencyPoint> latency;
  std::vector<ThroughputPoint> throughput;
};

std::string bench_json(const BenchReport& report);
std::string bench_text(const BenchReport& report);

}  // namespace costeff::cli
