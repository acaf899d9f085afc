// Every table against the reference, over all sizes around the tile edges, and the property that
// the engine rests on: a row's result does not depend on the rows beside it.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "base/aligned.h"
#include "base/tensors/half.h"
#include "base/tensors/quantise.h"
#include "kernels/kernel_table.h"
#include "test_random.h"

namespace costeff::kernels {

#ifdef COSTEFF_X86_64
extern const Product kEmulatedAvxVnniInt8;                // avx_vnni_emulated.cpp
extern const Product kEmulatedAmxBf16, kEmulatedAmxInt8;  // amx_emulated.cpp
#ifdef COSTEFF_AVX512
extern const KernelTable kEmulatedAmx;  // amx_emulated_avx512.cpp
#endif
#endif

namespace {

// Squared error over squared size of the truth.
double nmse(const float* a, const float* truth, int64_t n) {
  double error = 0, size = 1e-30;
  for (int64_t i = 0; i < n; ++i) {
    error += (static_cast<double>(a[i]) - truth[i]) * (static_cast<double>(a[i]) - truth[i]);
    size += static_cast<double>(truth[i]) * truth[i];
  }
  return error / size;
}

// What summing k products in float32 in any order may lose (Higham 2002, section 3.1), bias
// included.
double sum_bound(const float* x, const float* w, int64_t k) {
  double size = 8;
  for (int64_t i = 0; i < k; ++i) size += std::abs(static_cast<double>(x[i]) * w[i]);
  return static_cast<double>(k + 2) * 0x1p-24 * size;
}

class Kernels : public testing::TestWithParam<const KernelTable*> {
 protected:
  void SetUp() override { RecordProperty("seed", std::to_string(test_seed())); }
  const KernelTable& table() const { return *GetParam(); }
  std::mt19937_64 rng{test_seed()};
};

TEST_P(Kernels, LinearAgreesWithReference) {
  for (int64_t m : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 29, 30, 59}) {
    for (int64_t n : {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 47, 48, 49, 96, 130, 400}) {
      for (int64_t k : {1, 2, 3, 8, 31, 64, 510}) {
        const auto x = random_floats(m * k, 1, &rng), w = random_floats(n * k, 1, &rng);
        const auto bias = random_floats(n, 1, &rng);
        FloatBuffer packed(round_up(n) * k), y(m * n), truth(m * n);
        table().float32.pack(w.data(), k, n, k, packed.data());
        table().float32.multiply(x.data(), k * 4, m, packed.data(), bias.data(), n, k, y.data(), n);
        kReference.float32.pack(w.data(), k, n, k, packed.data());
        kReference.float32.multiply(x.data(), k * 4, m, packed.data(), bias.data(), n, k,
                                    truth.data(), n);
        for (int64_t i = 0; i < m * n; ++i) {
          ASSERT_NEAR(y.data()[i], truth.data()[i],
                      sum_bound(x.data() + i / n * k, w.data() + i % n * k, k))
              << "seed " << test_seed() << ", m " << m << ", n " << n << ", k " << k;
        }
      }
    }
  }
}

// The product of one precision on rows [m, k] and weights [n, k], columns from `begin` on.
struct SmallProduct {
  const KernelTable& table;
  Precision precision;
  int64_t n, k;
  AlignedBuffer<std::byte> packed, rows;

  SmallProduct(const KernelTable& t, Precision p, const float* w, int64_t columns, int64_t inputs)
      : table(t), precision(p), n(columns), k(inputs) {
    const Product& product = t.product(p);
    std::byte* to = packed.reserve(round_up(n) * product.column_bytes(k));
    if (product.pack) {
      product.pack(w, k, n, k, to);
      return;
    }
    std::vector<int8_t> q(static_cast<size_t>(n * k));
    std::vector<float> scale(static_cast<size_t>(n));
    for (int64_t j = 0; j < n; ++j)
      scale[static_cast<size_t>(j)] = quantise_row(w + j * k, k, q.data() + j * k);
    product.pack_int8(q.data(), scale.data(), n, k, to);
  }

  void run(const float* x, int64_t m, const float* bias, float* y, int64_t begin = 0) {
    const Product& p = table.product(precision);
    const void* from = x;
    int64_t row_bytes = k * 4;
    if (p.prepare) {
      row_bytes = p.row_bytes(k);
      ASSERT_EQ(row_bytes % 64, 0);
      from = rows.reserve(m * row_bytes);
      p.prepare(x, k, m, k, rows.data());
    }
    p.multiply(from, row_bytes, m, packed.data() + begin * p.column_bytes(k),
               bias ? bias + begin : nullptr, n - begin, k, y, n - begin);
  }
};

// int8's sums are exact: only the scaling rounds.
void expect_exact_int8(const KernelTable& table, const float* x, const float* w, const float* bias,
                       int64_t m, int64_t n, int64_t k) {
  FloatBuffer y(m * n);
  SmallProduct(table, Precision::int8, w, n, k).run(x, m, bias, y.data());
  std::vector<int8_t> wq(static_cast<size_t>(n * k));
  std::vector<float> scale(static_cast<size_t>(n));
  for (int64_t j = 0; j < n; ++j)
    scale[static_cast<size_t>(j)] = quantise_row(w + j * k, k, wq.data() + j * k);
  std::vector<int> xq(static_cast<size_t>(k));
  for (int64_t r = 0; r < m; ++r) {
    const auto [low, high] = std::minmax_element(x + r * k, x + (r + 1) * k);
    const float least = std::min(*low, 0.0f), most = std::max(*high, 0.0f);
    const float inverse = 254.0f / (most - least);
    for (int64_t c = 0; c < k; ++c)
      xq[static_cast<size_t>(c)] = static_cast<int>(std::lrint(x[r * k + c] * inverse));
    for (int64_t j = 0; j < n; ++j) {
      const int64_t sum = std::inner_product(xq.begin(), xq.end(), wq.begin() + j * k, int64_t{0});
      const double truth = static_cast<double>(sum) * scale[static_cast<size_t>(j)] *
                               (static_cast<double>(most - least) / 254) +
                           bias[j];
      ASSERT_NEAR(y.data()[r * n + j], truth, 1e-6 * (std::abs(truth) + 3))
          << "int8, m " << m << ", n " << n << ", k " << k << ", row " << r << ", column " << j;
    }
  }
}

// bfloat16: the truth is the product of what was rounded, in float64. int8: of what was quantised.
TEST_P(Kernels, SmallPrecisionsAgreeWithWhatTheyRoundTo) {
  for (int64_t m : {1, 2, 3, 4, 5, 9, 10, 13, 14, 15, 29, 30}) {
    for (int64_t n : {1, 2, 15, 16, 17, 33, 47, 48, 49, 130, 400}) {
      for (int64_t k : {1, 2, 3, 4, 5, 31, 64, 65, 510}) {
        auto x = random_floats(m * k, 1, &rng);
        const auto w = random_floats(n * k, 1, &rng), bias = random_floats(n, 1, &rng);
        FloatBuffer y(m * n);
        SmallProduct(table(), Precision::bfloat16, w.data(), n, k)
            .run(x.data(), m, bias.data(), y.data());
        std::vector<float> xr(x.data(), x.data() + m * k), wr(w.data(), w.data() + n * k);
        for (float& v : xr) v = bfloat16_to_float(float_to_bfloat16(v));
        for (float& v : wr) v = bfloat16_to_float(float_to_bfloat16(v));
        for (int64_t i = 0; i < m * n; ++i) {
          double truth = bias.data()[i % n];
          for (int64_t c = 0; c < k; ++c)
            truth += static_cast<double>(xr[static_cast<size_t>(i / n * k + c)]) *
                     wr[static_cast<size_t>(i % n * k + c)];
          ASSERT_NEAR(y.data()[i], truth,
                      sum_bound(xr.data() + i / n * k, wr.data() + i % n * k, k))
              << "bfloat16, m " << m << ", n " << n << ", k " << k;
        }
        // Rows on one side of zero and rows with a large number have their zero elsewhere.
        for (int64_t r = 0; r < m; ++r) {
          float* row = x.data() + r * k;
          for (int64_t c = 0; c < k && r % 4 < 2; ++c)
            row[c] = r % 4 == 0 ? std::abs(row[c]) : -std::abs(row[c]);
          if (r % 4 == 2) row[r % k] = 25;
        }
        expect_exact_int8(table(), x.data(), w.data(), bias.data(), m, n, k);
      }
    }
  }
}

// Neighbours among the weights that are both large are what 16 bits do not hold: none, a few, about
// as many as a panel has room for to correct, only such. Rows of the largest numbers meet them.
TEST_P(Kernels, LargeNeighboursAreExactInInt8) {
  std::uniform_real_distribution<float> part(0, 1);
  for (float share : {0.0f, 0.01f, 0.06f, 1.0f}) {
    for (int64_t m : {1, 2, 3, 4, 7, 16, 17, 33, 40, 71, 150}) {
      for (const auto& [n, k] :
           {std::pair<int64_t, int64_t>{16, 64}, {47, 131}, {96, 770}, {33, 1538}}) {
        auto x = random_floats(m * k, 1, &rng), w = random_floats(n * k, 0.4f, &rng);
        const auto bias = random_floats(n, 1, &rng);
        for (int64_t j = 0; j < n; ++j) {
          w.data()[j * k + j % k] = 1;
          for (int64_t c = 0; c + 1 < k; c += 2) {
            if (part(rng) >= share) continue;
            const float sign = part(rng) < 0.5f ? -1.0f : 1.0f;
            w.data()[j * k + c] = sign * (0.5f + 0.5f * part(rng));
            w.data()[j * k + c + 1] = sign * (0.5f + 0.5f * part(rng));
          }
        }
        for (int64_t c = 0; c < k; ++c) x.data()[m / 2 * k + c] = part(rng) < 0.5f ? 1.0f : 0.99f;
        expect_exact_int8(table(), x.data(), w.data(), bias.data(), m, n, k);
      }
    }
  }
}

// A row alone, and columns from a panel's edge on, are the same bits as in the whole.
TEST_P(Kernels, RowsAndPanelsStandAloneInEveryPrecision) {
  for (Precision precision : {Precision::float32, Precision::bfloat16, Precision::int8}) {
    for (int64_t n : {1, 48, 70, 400}) {
      for (int64_t k : {1, 3, 64, 129}) {
        const int64_t m = 23;
        const auto x = random_floats(m * k, 1, &rng), w = random_floats(n * k, 1, &rng),
                   bias = random_floats(n, 1, &rng);
        FloatBuffer all(m * n), part(m * n);
        SmallProduct p(table(), precision, w.data(), n, k);
        p.run(x.data(), m, bias.data(), all.data());
        for (int64_t rows : {1, 2, 3, 4, 7, 9, 11}) {
          for (int64_t begin : {int64_t{0}, int64_t{5}, m - rows}) {
            p.run(x.data() + begin * k, rows, bias.data(), part.data());
            ASSERT_EQ(std::memcmp(part.data(), all.data() + begin * n,
                                  sizeof(float) * static_cast<size_t>(rows * n)),
                      0)
                << "rows " << begin << "+" << rows << ", n " << n << ", k " << k;
          }
        }
        for (int64_t begin = table().panel; begin < n; begin += 2 * table().panel) {
          p.run(x.data(), m, bias.data(), part.data(), begin);
          for (int64_t r = 0; r < m; ++r) {
            ASSERT_EQ(std::memcmp(part.data() + r * (n - begin), all.data() + r * n + begin,
                                  sizeof(float) * static_cast<size_t>(n - begin)),
                      0);
          }
        }
      }
    }
  }
}

// Sums over many inputs are computed in parts where there are many rows, and in one go where there
// are few: the same bits. Columns are cut within a vector too.
TEST_P(Kernels, PartsOfLongSumsAreTheWhole) {
  for (Precision precision : {Precision::float32, Precision::bfloat16, Precision::int8}) {
    for (int64_t n : {1, 17, 47, 70, 97}) {
      for (int64_t k : {768, 769, 1535, 1538, 3072, 6150}) {
        const int64_t m = 31;
        const auto x = random_floats(m * k, 1, &rng), w = random_floats(n * k, 1, &rng),
                   bias = random_floats(n, 1, &rng);
        FloatBuffer all(m * n), one(n), truth(m * n);
        SmallProduct p(table(), precision, w.data(), n, k);
        p.run(x.data(), m, bias.data(), all.data());
        for (int64_t r = 0; r < m; ++r) {
          p.run(x.data() + r * k, 1, bias.data(), one.data());
          ASSERT_EQ(
              std::memcmp(one.data(), all.data() + r * n, sizeof(float) * static_cast<size_t>(n)),
              0)
              << "row " << r << ", n " << n << ", k " << k;
        }
        SmallProduct(kReference, precision, w.data(), n, k)
            .run(x.data(), m, bias.data(), truth.data());
        EXPECT_LT(nmse(all.data(), truth.data(), m * n), 1e-11) << "n " << n << ", k " << k;
      }
    }
  }
}

// The largest sums that there can be, on either side.
TEST_P(Kernels, SumsOfInt8HaveRoom) {
  const int64_t k = kernels::kMaxInt8Inputs;
  for (float sign : {1.0f, -1.0f}) {
    const std::vector<float> x(static_cast<size_t>(k), sign);
    std::vector<float> w(static_cast<size_t>(2 * k), 1.0f);
    std::fill(w.begin() + k, w.end(), -1.0f);
    FloatBuffer y(2);
    SmallProduct(table(), Precision::int8, w.data(), 2, k).run(x.data(), 1, nullptr, y.data());
    EXPECT_NEAR(y.data()[0], sign * static_cast<float>(k), 0.05);
    EXPECT_NEAR(y.data()[1], -sign * static_cast<float>(k), 0.05);
  }
}

TEST_P(Kernels, RowsOfZeroAreNoTroubleInInt8) {
  const std::vector<float> x(10, 0.0f), w(20, 0.0f);
  FloatBuffer y(2);
  SmallProduct(table(), Precision::int8, w.data(), 2, 10).run(x.data(), 1, nullptr, y.data());
  EXPECT_EQ(y.data()[0], 0);
  EXPECT_EQ(y.data()[1], 0);
}

// What has overflown in a row does not vanish in its rounding.
TEST_P(Kernels, InfiniteRowsGiveNothingFiniteInInt8) {
  constexpr float kInfinite = std::numeric_limits<float>::infinity();
  for (const auto& [first, second] :
       {std::pair{kInfinite, 1.0f}, {-kInfinite, 1.0f}, {kInfinite, -kInfinite}, {3e38f, -3e38f}}) {
    std::vector<float> x(70, 0.5f), w(140, 0.25f);
    x[3] = first;
    x[66] = second;
    FloatBuffer y(2);
    SmallProduct(table(), Precision::int8, w.data(), 2, 70).run(x.data(), 1, nullptr, y.data());
    EXPECT_FALSE(std::isfinite(y.data()[0]));
    EXPECT_FALSE(std::isfinite(y.data()[1]));
  }
}

TEST_P(Kernels, PackTransposedIsPackOfTheTranspose) {
  for (int64_t n : {1, 7, 8, 9, 24, 50}) {
    for (int64_t k : {1, 5, 8, 13}) {
      const int64_t m = 5;
      const auto w = random_floats(n * k, 1, &rng), x = random_floats(m * k, 1, &rng);
      std::vector<float> transposed(static_cast<size_t>(n * k));
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < k; ++j)
          transposed[static_cast<size_t>(j * n + i)] = w.data()[i * k + j];
      }
      FloatBuffer a(round_up(n) * k), b(round_up(n) * k), ya(m * n), yb(m * n);
      table().float32.pack(w.data(), k, n, k, a.data());
      table().float32.pack_transposed(transposed.data(), n, n, k, b.data());
      table().float32.multiply(x.data(), k * 4, m, a.data(), nullptr, n, k, ya.data(), n);
      table().float32.multiply(x.data(), k * 4, m, b.data(), nullptr, n, k, yb.data(), n);
      ASSERT_EQ(std::memcmp(ya.data(), yb.data(), sizeof(float) * static_cast<size_t>(m * n)), 0)
          << n << " " << k;
    }
  }
}

TEST_P(Kernels, RowsDoNotDependOnTheirNeighbours) {
  for (int64_t n : {1, 2, 8, 17, 48, 70, 400}) {
    for (int64_t k : {1, 3, 64, 129}) {
      const int64_t m = 37;
      const auto x = random_floats(m * k, 1, &rng), w = random_floats(n * k, 1, &rng);
      FloatBuffer packed(round_up(n) * k), all(m * n), part(m * n);
      table().float32.pack(w.data(), k, n, k, packed.data());
      table().float32.multiply(x.data(), k * 4, m, packed.data(), nullptr, n, k, all.data(), n);
      for (int64_t rows = 1; rows <= 9; ++rows) {
        for (int64_t begin : {int64_t{0}, int64_t{1}, int64_t{6}, m - rows}) {
          table().float32.multiply(x.data() + begin * k, k * 4, rows, packed.data(), nullptr, n, k,
                                   part.data(), n);
          ASSERT_EQ(std::memcmp(part.data(), all.data() + begin * n,
                                sizeof(float) * static_cast<size_t>(rows * n)),
                    0)
              << "rows " << begin << "+" << rows << ", n " << n << ", k " << k;
        }
      }
    }
  }
}

TEST_P(Kernels, Softmax) {
  for (int64_t n : {1, 2, 7, 8, 9, 16, 31, 128}) {
    const int64_t m = 5, lds = round_up(n) + kLane;
    auto s = random_floats(m * lds, 30, &rng);
    FloatBuffer truth(m * lds);
    std::copy_n(s.data(), m * lds, truth.data());
    table().softmax(s.data(), lds, m, n, 0.25f);
    kReference.softmax(truth.data(), lds, m, n, 0.25f);
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < round_up(n); ++j) {
        ASSERT_NEAR(s.data()[i * lds + j], truth.data()[i * lds + j], 4e-7)
            << n << " " << i << " " << j;
      }
    }
  }
}

// The largest error against float64 over [-20, 20], relative to max(1, |result|): measured 1.19e-6
// for the vectorised erf form (at -20, where its erf is one unit in the last place off -1), 0.66e-6
// for the tanh form.
TEST_P(Kernels, ActivationsAreAccurate) {
  const Activation all[] = {Activation::gelu_erf, Activation::gelu_tanh, Activation::relu,
                            Activation::silu,     Activation::tanh,      Activation::none};
  for (Activation f : all) {
    const int64_t n = 200001;
    FloatBuffer x(round_up(n)), truth(round_up(n));
    for (int64_t i = 0; i < n; ++i) {
      x.data()[i] = truth.data()[i] =
          -20.0f + 40.0f * static_cast<float>(i) / static_cast<float>(n - 1);
    }
    table().activate(f, x.data(), n);
    kReference.activate(f, truth.data(), n);
    double worst = 0;
    for (int64_t i = 0; i < n; ++i) {
      worst = std::max(worst, std::abs(static_cast<double>(x.data()[i]) - truth.data()[i]) /
                                  std::max(1.0, std::abs(static_cast<double>(truth.data()[i]))));
    }
    EXPECT_LT(worst, 1.2e-6) << "activation " << static_cast<int>(f);
  }
}

TEST_P(Kernels, ActivationDoesNotDependOnThePlaceInTheArray) {
  const auto source = random_floats(64, 2, &rng);
  for (Activation f :
       {Activation::gelu_erf, Activation::gelu_tanh, Activation::silu, Activation::tanh}) {
    FloatBuffer whole(64), one(kLane);
    std::copy_n(source.data(), 64, whole.data());
    table().activate(f, whole.data(), 61);
    for (int64_t i = 0; i < 61; ++i) {
      one.data()[0] = source.data()[i];
      table().activate(f, one.data(), 1);
      ASSERT_EQ(one.data()[0], whole.data()[i]);
    }
  }
}

TEST_P(Kernels, AddLayerNorm) {
  for (int64_t h : {1, 3, 7, 8, 9, 45, 384, 762}) {
    for (bool with_y : {false, true}) {
      const int64_t m = 6;
      auto x = random_floats(m * h, 3, &rng);
      const auto y = random_floats(m * h, 3, &rng), weight = random_floats(h, 1, &rng),
                 bias = random_floats(h, 1, &rng);
      FloatBuffer truth(m * h);
      std::copy_n(x.data(), m * h, truth.data());
      const float* add = with_y ? y.data() : nullptr;
      table().add_layer_norm(x.data(), h, add, h, m, h, weight.data(), bias.data(), 1e-12f);
      kReference.add_layer_norm(truth.data(), h, add, h, m, h, weight.data(), bias.data(), 1e-12f);
      EXPECT_LT(nmse(x.data(), truth.data(), m * h), 1e-11) << h;
    }
  }
}

// Weights that end where a mapped file does, with no memory after them.
TEST_P(Kernels, PackingReadsNothingBehindTheWeights) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE)), room = 16 * page;
  void* mapped =
      mmap(nullptr, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  char* const end = static_cast<char*>(mapped) + room;
  ASSERT_EQ(mprotect(end, page, PROT_NONE), 0);
  for (const Precision precision : {Precision::float32, Precision::bfloat16, Precision::int8}) {
    const Product& p = table().product(precision);
    for (int64_t n : {1, 15, 16, 17, 49, 100}) {
      for (int64_t k : {1, 3, 17, 31, 33, 150}) {
        ByteBuffer packed(round_up(n) * p.column_bytes(k));
        if (p.pack) {
          p.pack(reinterpret_cast<const float*>(end) - n * k, k, n, k, packed.data());
        } else {
          const std::vector<float> scale(static_cast<size_t>(n), 1.0f);
          p.pack_int8(reinterpret_cast<const int8_t*>(end) - n * k, scale.data(), n, k,
                      packed.data());
        }
      }
    }
  }
  munmap(mapped, room + page);
}

// Pieces of a weight that begin at multiples of the panel are packed by several threads, in any
// order: none may write into the next one.
TEST_P(Kernels, PackingWritesNothingAfterThePiece) {
  const int64_t n = table().panel;
  for (const Precision precision : {Precision::float32, Precision::bfloat16, Precision::int8}) {
    const Product& p = table().product(precision);
    for (int64_t k : {1, 3, 17, 31, 33, 150}) {
      const int64_t size = n * p.column_bytes(k), more = round_up(n) * p.column_bytes(k);
      // As a float it is no number of bfloat16, so that rounding it would show.
      ByteBuffer packed(size + more);
      std::fill_n(packed.data(), size + more, std::byte{0x5A});
      if (p.pack) {
        const std::vector<float> w(static_cast<size_t>(n * k), 1.0f);
        p.pack(w.data(), k, n, k, packed.data());
      } else {
        const std::vector<int8_t> w(static_cast<size_t>(n * k), 1);
        const std::vector<float> scale(static_cast<size_t>(n), 1.0f);
        p.pack_int8(w.data(), scale.data(), n, k, packed.data());
      }
      EXPECT_EQ(std::count(packed.data() + size, packed.data() + size + more, std::byte{0x5A}),
                more)
          << static_cast<int>(precision) << " " << k;
    }
  }
}

TEST(KernelDispatch, FindsTablesByName) {
  EXPECT_EQ(find_table("portable"), &kPortable);
  EXPECT_EQ(find_table("reference"), &kReference);
  EXPECT_EQ(find_table("sse9"), nullptr);
  EXPECT_EQ(find_table(""), all_tables()[0]);
}

std::vector<const KernelTable*> every_table() {
  std::vector<const KernelTable*> v;
  for (const KernelTable* const* t = all_tables(); *t; ++t) v.push_back(*t);
#ifdef COSTEFF_X86_64
  if (find_table("avx2")) {
    static KernelTable emulated = kAvx2;
    emulated.name = "avx-vnni-emulated";
    emulated.int8 = kEmulatedAvxVnniInt8;
    v.push_back(&emulated);
    static KernelTable tiles = kAvx2;
    tiles.name = "amx-emulated";
    tiles.panel = 32;
    tiles.bfloat16 = kEmulatedAmxBf16;
    tiles.int8 = kEmulatedAmxInt8;
    v.push_back(&tiles);
  }
#ifdef COSTEFF_AVX512
  if (find_table("avx512-dots")) {
    static KernelTable tiles = kEmulatedAmx;
    tiles.name = "amx-emulated-avx512";
    v.push_back(&tiles);
  }
#endif
#endif
  return v;
}

INSTANTIATE_TEST_SUITE_P(Tables, Kernels, testing::ValuesIn(every_table()), [](const auto& i) {
  std::string name = i.param->name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace costeff::kernels
