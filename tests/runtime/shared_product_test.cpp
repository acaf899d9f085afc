// Products that a crew's threads divide while they compute: every column once, with the bits of one thread.

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "base/format.h"
#include "base/threads/team.h"
#include "model/product.h"
#include "test_random.h"

namespace costeff::model {
namespace {

using kernels::Precision;
using kernels::round_up;

PackedLinear packed_floats(const std::vector<float>& w, int64_t out, int64_t in,
                           const kernels::Product& p, ByteBuffer* buffer) {
  PackedLinear l;
  l.out = out;
  l.in = in;
  std::byte* packed = buffer->reserve(round_up(out) * p.column_bytes(in));
  p.pack(w.data(), in, out, in, packed);
  l.weight = packed;
  float* bias = l.bias.reserve(round_up(out));
  for (int64_t i = 0; i < round_up(out); ++i) bias[i] = i < out ? w[static_cast<size_t>(i)] : 0;
  return l;
}

TEST(SharedProduct, SameBitsAsAlone) {
  const kernels::KernelTable& table = **kernels::all_tables();
  std::mt19937_64 rng(test_seed());
  std::normal_distribution<float> normal;
  constexpr int64_t kIn = 24, kMost = 100;
  // A product and a second one before the threads meet, as queries and keys are.
  for (const int64_t out : {int64_t{1}, 4 * table.panel, 13 * table.panel + 5, 50 * table.panel}) {
    std::vector<float> w(static_cast<size_t>(out * kIn)), x(static_cast<size_t>(kMost * kIn));
    for (float& v : w) v = normal(rng);
    for (float& v : x) v = normal(rng);
    ByteBuffer buffer;
    const PackedLinear l = packed_floats(w, out, kIn, table.float32, &buffer);
    const PreparedRows rows{x.data(), kIn * 4};
    for (const int64_t m : {int64_t{47}, int64_t{48}, kMost}) {
      std::vector<float> alone(static_cast<size_t>(m * out));
      multiply(table, {}, l, rows, m, alone.data(), out);
      for (const int64_t threads : {2, 3, 5}) {
        SCOPED_TRACE(fmt::format("{} rows, {} columns, {} threads", m, out, threads));
        Team team(threads);
        std::vector<float> a(alone.size()), b(alone.size());
        for (int turn = 0; turn < 4; ++turn) {
          std::fill(a.begin(), a.end(), -1.0f);
          std::fill(b.begin(), b.end(), -1.0f);
          team.run([&](const Crew& crew) {
            // One thread is late, so others do more of the part that belongs to none.
            if (crew.rank == turn % crew.size)
              std::this_thread::sleep_for(std::chrono::microseconds(200));
            multiply(table, crew, l, rows, m, a.data(), out, 0);
            multiply(table, crew, l, rows, m, b.data(), out, 1);
            crew.meet();
          });
          ASSERT_EQ(std::memcmp(a.data(), alone.data(), alone.size() * 4), 0);
          ASSERT_EQ(std::memcmp(b.data(), alone.data(), alone.size() * 4), 0);
        }
      }
    }
  }
}

}  // namespace
}  // namespace costeff::model
