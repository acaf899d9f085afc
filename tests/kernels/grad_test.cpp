// Every table's gradient functions against the reference in double, at sizes around the vectors'
// edges; the reference against central differences.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/aligned.h"
#include "kernels/grad_table.h"
#include "test_random.h"

namespace costeff::kernels {
namespace {

constexpr int64_t kSizes[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 129};
constexpr Activation kActivations[] = {Activation::gelu_erf, Activation::gelu_tanh,
                                       Activation::relu,     Activation::silu,
                                       Activation::tanh,     Activation::none};

std::vector<float> floats(int64_t count, float range, std::mt19937_64* rng) {
  const FloatBuffer buffer = random_floats(count, range, rng);
  return {buffer.data(), buffer.data() + count};
}

class Grad : public testing::TestWithParam<const KernelTable*> {
 protected:
  const GradTable& table() const { return grad_table(*GetParam()); }
  std::mt19937_64 rng{test_seed()};
};

void expect_near(const std::vector<float>& a, const std::vector<float>& truth, double bound,
                 const char* what) {
  ASSERT_EQ(a.size(), truth.size());
  for (size_t i = 0; i < a.size(); ++i)
    ASSERT_NEAR(a[i], truth[i], bound * std::max(1.0, std::fabs(static_cast<double>(truth[i]))))
        << what << " " << i << " seed " << test_seed();
}

TEST_P(Grad, LayerNormAndItsGradient) {
  for (const int64_t h : kSizes) {
    const int64_t m = 3;
    const auto x = floats(m * h, 1, &rng), y = floats(m * h, 1, &rng), weight = floats(h, 1, &rng),
               bias = floats(h, 1, &rng), dy = floats(m * h, 1, &rng);
    const auto run = [&](const GradTable& t, const float* add) {
      std::vector<float> all, normed(static_cast<size_t>(m * h)), inverse(static_cast<size_t>(m)),
          out(normed), again(normed), dx(normed);
      t.layer_norm(x.data(), h, add, h, m, h, weight.data(), bias.data(), 1e-3f, normed.data(),
                   inverse.data(), out.data(), h);
      t.scale_and_shift(normed.data(), h, m, h, weight.data(), bias.data(), again.data(), h);
      EXPECT_EQ(out, again);
      t.layer_norm_backward(dy.data(), h, normed.data(), h, inverse.data(), m, h, weight.data(),
                            dx.data(), h);
      for (const auto* v : {&normed, &inverse, &out, &dx})
        all.insert(all.end(), v->begin(), v->end());
      return all;
    };
    // A row of one element, or of two that are alike, has hardly any deviation: 1 / sigma is large.
    const double bound = h < 3 ? 2e-3 : 2e-5;
    expect_near(run(table(), y.data()), run(kReferenceGrad, y.data()), bound, "sum");
    expect_near(run(table(), nullptr), run(kReferenceGrad, nullptr), bound, "alone");
  }
}

TEST_P(Grad, SumsOfColumns) {
  for (const int64_t n : kSizes) {
    for (const int64_t m : {1, 5, 40}) {
      const auto a = floats(m * n, 1, &rng), b = floats(m * n, 1, &rng), begin = floats(n, 1, &rng);
      for (const float* other : {static_cast<const float*>(nullptr), b.data()}) {
        const auto run = [&](const GradTable& t, int64_t cut) {
          std::vector<float> sums(begin.begin(), begin.begin() + n);
          t.column_sums(a.data(), n, other, n, cut, n, sums.data());
          t.column_sums(a.data() + cut * n, n, other ? other + cut * n : nullptr, n, m - cut, n,
                        sums.data());
          return sums;
        };
        expect_near(run(table(), m), run(kReferenceGrad, m), 1e-5, "columns");
        if (GetParam() != &kReference) {
          EXPECT_EQ(run(table(), m), run(table(), m / 2));
        }
      }
    }
  }
}

TEST_P(Grad, SoftmaxGradient) {
  for (const int64_t n : kSizes) {
    const int64_t m = 3, ld = round_up(n);
    std::vector<float> p(static_cast<size_t>(m * ld), 0.0f), dp(p);
    for (int64_t i = 0; i < m; ++i) {
      const auto s = floats(n, 1, &rng), d = floats(n, 1, &rng);
      double sum = 0;
      for (int64_t j = 0; j < n; ++j) sum += std::exp(s[static_cast<size_t>(j)]);
      for (int64_t j = 0; j < n; ++j) {
        p[static_cast<size_t>(i * ld + j)] =
            static_cast<float>(std::exp(s[static_cast<size_t>(j)]) / sum);
        dp[static_cast<size_t>(i * ld + j)] = d[static_cast<size_t>(j)];
      }
    }
    const auto run = [&](const GradTable& t) {
      std::vector<float> d = dp;
      std::fill(d.begin() + n, d.begin() + ld, 7.0f);
      t.softmax_backward(p.data(), d.data(), ld, m, n, 0.25f);
      return d;
    };
    const auto got = run(table());
    expect_near(got, run(kReferenceGrad), 1e-6, "softmax");
    for (int64_t j = n; j < ld; ++j) EXPECT_EQ(got[static_cast<size_t>(j)], 0.0f);
  }
}

TEST_P(Grad, ActivationGradients) {
  for (const Activation f : kActivations) {
    for (const int64_t n : kSizes) {
      auto x = floats(n, 3, &rng), d = floats(n, 1, &rng);
      if (n > 4) {
        x[0] = 0.0f;
        x[1] = 12.0f;
        x[2] = -12.0f;
        x[3] = -0.0f;
      }
      const auto run = [&](const GradTable& t) {
        std::vector<float> dy(d.begin(), d.begin() + n);
        t.activate_backward(f, x.data(), dy.data(), n);
        return dy;
      };
      expect_near(run(table()), run(kReferenceGrad), 2e-6, "activation");
    }
  }
}

TEST_P(Grad, Transpose) {
  for (const int64_t m : kSizes) {
    for (const int64_t n : kSizes) {
      const auto x = floats(m * n, 1, &rng);
      std::vector<float> y(static_cast<size_t>(m * n + 1), -1.0f);
      table().transpose(x.data(), n, m, n, y.data(), m);
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j)
          ASSERT_EQ(y[static_cast<size_t>(j * m + i)], x[static_cast<size_t>(i * n + j)]);
      EXPECT_EQ(y.back(), -1.0f);
    }
  }
}

TEST_P(Grad, SumOfSquaresScalingAndAdam) {
  for (const int64_t n : kSizes) {
    const auto x = floats(n, 1, &rng), y = floats(n, 1, &rng), m = floats(n, 1, &rng);
    const AdamStep step{0.9f, 0.1f, 0.999f, 0.001f, 1e-8f, 0.02f, 1.5f, 0.99f, 0.98f, 0.5f};
    const auto run = [&](const GradTable& t) {
      std::vector<float> all;
      std::vector<float> s(static_cast<size_t>(n)), a(y.begin(), y.begin() + n), p(a),
          first(m.begin(), m.begin() + n), second(static_cast<size_t>(n), 0.25f);
      t.scale(x.data(), 3.0f, n, s.data());
      t.add_scaled(x.data(), -2.0f, n, a.data());
      t.adam(step, x.data(), n, p.data(), first.data(), second.data());
      for (const auto* v : {&s, &a, &p, &first, &second})
        all.insert(all.end(), v->begin(), v->end());
      return all;
    };
    expect_near(run(table()), run(kReferenceGrad), 1e-6, "adam");
    EXPECT_DOUBLE_EQ(table().squares(x.data(), n), kReferenceGrad.squares(x.data(), n));
  }
}

// The same elements are dropped by every table, about as many as asked, and others for another row,
// position, site or key.
TEST_P(Grad, Dropout) {
  const DropoutRow row{.key = 0x123456789abcdef0,
                       .site = 5,
                       .row_id = 77,
                       .position = 3,
                       .threshold = 6554,
                       .scale = 1.25f};
  const auto drop = [](const GradTable& t, int64_t n, const DropoutRow& r) {
    std::vector<float> x(static_cast<size_t>(n), 1.0f);
    t.dropout(x.data(), n, r);
    return x;
  };
  for (const int64_t n : {1, 15, 16, 17, 127, 128, 129, 1000}) {
    EXPECT_EQ(drop(table(), n, row), drop(kReferenceGrad, n, row));
    const auto all = drop(table(), 1000, row), some = drop(table(), n, row);
    EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin()));
  }
  int64_t dropped = 0;
  for (uint32_t position = 0; position < 1000; ++position) {
    DropoutRow other = row;
    other.position = position;
    for (const float v : drop(table(), 100, other)) {
      EXPECT_TRUE(v == 0.0f || v == 1.25f);
      dropped += v == 0.0f;
    }
  }
  EXPECT_NEAR(static_cast<double>(dropped) / 100000, 0.1, 0.005);
  const auto base = drop(table(), 500, row);
  for (const int changed : {0, 1, 2, 3}) {
    DropoutRow other = row;
    if (changed == 0) ++other.key;
    if (changed == 1) ++other.site;
    if (changed == 2) ++other.row_id;
    if (changed == 3) ++other.position;
    EXPECT_NE(drop(table(), 500, other), base) << changed;
  }
}

// Two halves of k one after the other give the bits of the whole.
TEST_P(Grad, AccumulatedProducts) {
  for (const Precision precision : {Precision::float32, Precision::bfloat16}) {
    const Product& p = GetParam()->product(precision);
    ASSERT_NE(p.accumulate, nullptr);
    for (const int64_t m : {1, 2, 5, 30}) {
      for (const int64_t n : {1, 17, 48, 130}) {
        for (const int64_t k : {2, 8, 62, 1600}) {
          const int64_t half = k / 4 * 2;  // pairs of bfloat16 stay together
          const auto x = floats(m * k, 1, &rng), w = floats(n * k, 1, &rng),
                     begin = floats(m * n, 1, &rng);
          std::vector<float> y(begin.begin(), begin.begin() + m * n), z(y), whole(y);
          const auto add = [&](int64_t from, int64_t count, std::vector<float>* to) {
            if (count == 0) return;
            ByteBuffer packed(round_up(n) * p.column_bytes(count)), rows;
            const void* prepared = x.data() + from;
            int64_t row_bytes = k * 4;
            p.pack(w.data() + from, k, n, count, packed.data());
            if (p.prepare) {
              row_bytes = p.row_bytes(count);
              prepared = rows.reserve(m * row_bytes);
              p.prepare(x.data() + from, k, m, count, rows.data());
            }
            p.accumulate(prepared, row_bytes, m, packed.data(), n, count, to->data(), n);
          };
          add(0, k, &whole);
          add(0, half, &y);
          add(half, k - half, &y);
          if (GetParam() != &kReference) {
            EXPECT_EQ(y, whole) << m << " " << n << " " << k;
          }
          for (int64_t i = 0; i < m * n; ++i) {
            double sum = begin[static_cast<size_t>(i)], size = 1;
            for (int64_t j = 0; j < k; ++j) {
              const double v = static_cast<double>(x[static_cast<size_t>(i / n * k + j)]) *
                               w[static_cast<size_t>(i % n * k + j)];
              sum += v;
              size += std::fabs(v);
            }
            const double unit = precision == Precision::float32 ? 0x1p-22 : 0x1p-7;
            ASSERT_NEAR(whole[static_cast<size_t>(i)], sum,
                        unit * size * (precision == Precision::float32 ? std::sqrt(k) : 1));
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tables, Grad, testing::ValuesIn([] {
                           std::vector<const KernelTable*> tables;
                           for (const auto* const* at = all_tables(); *at; ++at)
                             tables.push_back(*at);
                           return tables;
                         }()),
                         [](const auto& of) {
                           std::string name = of.param->name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// The reference's derivatives are the slopes of its activations.
TEST(ReferenceGrad, DerivativesAreSlopes) {
  for (const Activation f : kActivations) {
    for (double x = -6.03; x < 6; x += 0.11) {
      const auto at = [&](double v) {
        float one = static_cast<float>(v);
        kReference.activate(f, &one, 1);
        return static_cast<double>(one);
      };
      const auto value = static_cast<float>(x);
      float slope = 1;
      kReferenceGrad.activate_backward(f, &value, &slope, 1);
      const double e = 1e-2;
      EXPECT_NEAR(slope, (at(x + e) - at(x - e)) / (2 * e), 1e-3)
          << static_cast<int>(f) << " " << x;
    }
  }
}

}  // namespace
}  // namespace costeff::kernels
