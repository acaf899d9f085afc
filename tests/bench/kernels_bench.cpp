// Micro-benchmarks of every kernel of every table: `cmake --build --preset release --target bench`.
// Products report the share of the peak that the same run measures, in registers alone.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "base/aligned.h"
#include "base/tensors/quantise.h"
#include "kernels/kernel_table.h"
#include "test_random.h"

namespace costeff::kernels {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Precision kPrecisions[] = {Precision::float32, Precision::bfloat16, Precision::int8};
constexpr const char* kPrecisionNames[] = {"float32", "bfloat16", "int8"};

// Multiply-accumulates a second, the best of some trials.
double peak_of(const Product& p) {
  if (!p.spin) return 0;
  double best = 0;
  for (int trial = 0; trial < 10; ++trial) {
    const auto begin = Clock::now();
    const auto macs = static_cast<double>(p.spin(500000));
    best = std::max(best, macs / std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return best;
}

struct Shape {
  int64_t m, n, k;
};

void product(benchmark::State& state, const KernelTable& table, Precision precision,
             const Shape& s) {
  const Product& p = table.product(precision);
  std::mt19937_64 rng(1);
  const auto x = random_floats(s.m * s.k, 1, &rng), w = random_floats(s.n * s.k, 1, &rng),
             bias = random_floats(s.n, 1, &rng);
  ByteBuffer packed(round_up(s.n) * p.column_bytes(s.k)), rows;
  if (p.pack) {
    p.pack(w.data(), s.k, s.n, s.k, packed.data());
  } else {
    std::vector<int8_t> q(static_cast<size_t>(s.n * s.k));
    std::vector<float> scale(static_cast<size_t>(s.n));
    for (int64_t j = 0; j < s.n; ++j)
      scale[static_cast<size_t>(j)] = quantise_row(w.data() + j * s.k, s.k, q.data() + j * s.k);
    p.pack_int8(q.data(), scale.data(), s.n, s.k, packed.data());
  }
  const int64_t row_bytes = p.prepare ? p.row_bytes(s.k) : s.k * 4;
  if (p.prepare) rows.reserve(s.m * row_bytes);
  FloatBuffer y(s.m * s.n);
  const double peak = peak_of(p);
  const void* from = x.data();
  if (p.prepare) {
    p.prepare(x.data(), s.k, s.m, s.k, rows.data());
    from = rows.data();
  }
  for (auto _ : state) {
    p.multiply(from, row_bytes, s.m, packed.data(), bias.data(), s.n, s.k, y.data(), s.n);
    benchmark::ClobberMemory();
  }
  const double macs = static_cast<double>(s.m * s.n * s.k);
  state.counters["GMAC/s"] =
      benchmark::Counter(macs * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  if (peak > 0)
    state.counters["of_peak"] =
        benchmark::Counter(macs / peak, benchmark::Counter::kIsIterationInvariantRate);
}

// Rows as many as the first-level cache holds: what the arithmetic costs. GELU and softmax work in
// place, on a new copy each time; "copy" is what that costs.
void rows(benchmark::State& state, const KernelTable& table, const std::string& what, int64_t n) {
  const int64_t ld = round_up(n), m = std::max<int64_t>(1, 3072 / ld);
  std::mt19937_64 rng(1);
  const auto source = random_floats(m * ld, 1, &rng), weight = random_floats(ld, 1, &rng);
  FloatBuffer x(m * ld);
  ByteBuffer prepared;
  const Product* product = what == "rows_bfloat16" ? &table.bfloat16
                           : what == "rows_int8"   ? &table.int8
                                                   : nullptr;
  if (product) prepared.reserve(m * product->row_bytes(n));
  for (auto _ : state) {
    if (what == "layer_norm") {
      table.add_layer_norm(x.data(), ld, source.data(), ld, m, n, weight.data(), weight.data(),
                           1e-12f);
    } else if (product) {
      product->prepare(source.data(), ld, m, n, prepared.data());
    } else {
      std::copy_n(source.data(), m * ld, x.data());
      if (what == "softmax") table.softmax(x.data(), ld, m, n, 0.125f);
      if (what == "gelu") table.activate(Activation::gelu_erf, x.data(), m * ld);
    }
    benchmark::ClobberMemory();
  }
  state.counters["s/element"] =
      benchmark::Counter(static_cast<double>(m * n), benchmark::Counter::kIsIterationInvariantRate |
                                                         benchmark::Counter::kInvert);
}

void add_all() {
  for (const KernelTable* const* t = all_tables(); *t && *t != &kReference; ++t) {
    const KernelTable& table = **t;
    for (int i = 0; i < 3; ++i) {
      for (const Shape& s :
           {Shape{1, 768, 768}, Shape{8, 768, 768}, Shape{24, 768, 768}, Shape{128, 768, 768},
            Shape{128, 3072, 768}, Shape{128, 768, 3072}, Shape{128, 384, 384},
            Shape{128, 1536, 384}, Shape{128, 384, 1536}, Shape{128, 762, 510}}) {
        const std::string name = std::string(table.name) + "/product/" + kPrecisionNames[i] + "/" +
                                 std::to_string(s.m) + "x" + std::to_string(s.n) + "x" +
                                 std::to_string(s.k);
        benchmark::RegisterBenchmark(name.c_str(), [&table, i, s](benchmark::State& state) {
          product(state, table, kPrecisions[i], s);
        });
      }
    }
    for (const char* what :
         {"copy", "softmax", "gelu", "layer_norm", "rows_bfloat16", "rows_int8"}) {
      for (int64_t n : {25, 128, 384, 768, 1536}) {
        const std::string name = std::string(table.name) + "/" + what + "/" + std::to_string(n);
        benchmark::RegisterBenchmark(name.c_str(), [&table, what, n](benchmark::State& state) {
          rows(state, table, what, n);
        });
      }
    }
  }
}

}  // namespace
}  // namespace costeff::kernels

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  costeff::kernels::add_all();
  benchmark::RunSpecifiedBenchmarks();
}
