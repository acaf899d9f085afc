// How costeff bench prints measured numbers.

#include "cli/run/bench_report.h"

#include <gtest/gtest.h>

namespace costeff::cli {
namespace {

// One text of 1e9 multiply-accumulates and 1e9 bytes of weights, and a file, on a machine that does
// 1e11 of both a second: 10 ms are its limit.
BenchReport report_of(double latency_ms, double file_gmacs_per_s) {
  BenchReport r;
  r.model = "m";
  r.peak.kernels = "avx2";
  r.peak.threads = 1;
  r.peak.gmacs_per_s = 100;
  r.peak.read_gb_per_s = 100;
  LatencyPoint one;
  one.length = 8;
  one.median_ms = latency_ms;
  one.macs = 1e9;
  one.weight_bytes = 1e9;
  r.latency.push_back(one);
  ThroughputPoint file;
  file.seconds = 1;
  file.gmacs_per_s = file_gmacs_per_s;
  r.throughput.push_back(file);
  return r;
}

TEST(BenchReport, SharesAboveTheWholeAreExplained) {
  struct Case {
    double latency_ms, file_gmacs_per_s;
    const char* printed;
    bool explained;
  };
  for (const Case& c :
       {Case{20, 50, "50%", false}, Case{10, 100, "100%", false}, Case{9.98, 100.4, "100%", false},
        Case{8, 50, "125%", true}, Case{20, 110, "110% of peak", true}}) {
    const std::string text = bench_text(report_of(c.latency_ms, c.file_gmacs_per_s));
    EXPECT_NE(text.find(c.printed), std::string::npos) << text;
    EXPECT_EQ(text.find("more than 100%: ") != std::string::npos, c.explained) << text;
  }
}

TEST(BenchReport, AMachineThatCouldNotBeMeasuredHasNoShares) {
  BenchReport r = report_of(8, 110);
  r.peak.gmacs_per_s = 0;
  const std::string text = bench_text(r);
  EXPECT_EQ(text.find("100%"), std::string::npos) << text;
  EXPECT_NE(text.find("- of peak"), std::string::npos) << text;
}

}  // namespace
}  // namespace costeff::cli
