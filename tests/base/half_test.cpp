// Half precision, against arithmetic in double: every half, and every tie between two of them.

#include "base/tensors/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace costeff {
namespace {

// The value of a number with `exponent` and `mantissa` bits, by definition.
double value_of(uint32_t bits, int exponent_bits, int mantissa_bits) {
  const uint32_t mantissa = bits & ((1u << mantissa_bits) - 1);
  const uint32_t exponent = (bits >> mantissa_bits) & ((1u << exponent_bits) - 1);
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const double sign = bits >> (exponent_bits + mantissa_bits) ? -1 : 1;
  if (exponent == (1u << exponent_bits) - 1) {
    return mantissa ? std::numeric_limits<double>::quiet_NaN()
                    : sign * std::numeric_limits<double>::infinity();
  }
  const double m = std::ldexp(mantissa, -mantissa_bits);
  return exponent == 0 ? sign * std::ldexp(m, 1 - bias)
                       : sign * std::ldexp(1 + m, static_cast<int>(exponent) - bias);
}

struct Format {
  const char* name;
  int exponent_bits, mantissa_bits;
  float (*to_float)(uint16_t);
  uint16_t (*from_float)(float);
};

class Half : public testing::TestWithParam<Format> {
 protected:
  const Format f = GetParam();
  uint16_t infinity() const {
    return static_cast<uint16_t>(((1u << f.exponent_bits) - 1) << f.mantissa_bits);
  }
  double value(uint32_t bits) const { return value_of(bits, f.exponent_bits, f.mantissa_bits); }
};

TEST_P(Half, EveryNumberIsReadExactlyAndComesBack) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const auto h = static_cast<uint16_t>(bits);
    const float v = f.to_float(h);
    if (std::isnan(value(bits))) {
      ASSERT_TRUE(std::isnan(v)) << bits;
      const uint16_t back = f.from_float(v);
      ASSERT_TRUE(std::isnan(f.to_float(back))) << bits;
      ASSERT_EQ(back & 0x8000u, bits & 0x8000u) << bits;
      continue;
    }
    ASSERT_EQ(static_cast<double>(v), value(bits)) << bits;
    ASSERT_EQ(std::signbit(v), bits >= 0x8000u) << bits;
    ASSERT_EQ(f.from_float(v), h) << bits;
  }
}

// Between two neighbours a number is nearer to one, or half way, where it rounds to the even one. The
// neighbour of the largest number is infinity, as if that were the next number.
TEST_P(Half, RoundsToNearestTiesToEven) {
  for (uint32_t bits = 0; bits < infinity(); ++bits) {
    const double low = value(bits);
    const double high = bits + 1u == infinity() ? 2 * low - value(bits - 1) : value(bits + 1);
    const auto middle = static_cast<float>((low + high) / 2);
    ASSERT_EQ(static_cast<double>(middle), (low + high) / 2) << bits;
    const uint32_t even = bits % 2 == 0 ? bits : bits + 1;
    const float below = std::nextafter(middle, 0.0f);
    const float above = std::nextafter(middle, std::numeric_limits<float>::infinity());
    ASSERT_EQ(f.from_float(middle), even) << bits;
    ASSERT_EQ(f.from_float(below), bits) << bits;
    ASSERT_EQ(f.from_float(above), bits + 1) << bits;
    ASSERT_EQ(f.from_float(-middle), even | 0x8000u) << bits;
    ASSERT_EQ(f.from_float(-below), bits | 0x8000u) << bits;
    ASSERT_EQ(f.from_float(-above), (bits + 1) | 0x8000u) << bits;
  }
}

TEST_P(Half, Extremes) {
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(f.from_float(inf), infinity());
  EXPECT_EQ(f.from_float(-inf), infinity() | 0x8000u);
  EXPECT_EQ(f.from_float(std::numeric_limits<float>::max()), infinity());
  EXPECT_EQ(f.from_float(0.0f), 0u);
  EXPECT_EQ(f.from_float(-0.0f), 0x8000u);
  // A NaN whose mantissa has only low bits set stays one.
  const float nan = std::bit_cast<float>(0x7f800001u);
  EXPECT_TRUE(std::isnan(f.to_float(f.from_float(nan))));
}

INSTANTIATE_TEST_SUITE_P(Formats, Half,
                         testing::Values(Format{"float16", 5, 10, half_to_float, float_to_half},
                                         Format{"bfloat16", 8, 7, bfloat16_to_float,
                                                float_to_bfloat16}),
                         [](const auto& i) { return i.param.name; });

TEST(HalfNumbers, Known) {
  EXPECT_EQ(float_to_half(1.0f), 0x3c00u);
  EXPECT_EQ(float_to_half(65504.0f), 0x7bffu);
  EXPECT_EQ(float_to_half(65519.0f), 0x7bffu);
  EXPECT_EQ(float_to_half(65520.0f), 0x7c00u);
  EXPECT_EQ(float_to_half(0.1f), 0x2e66u);
  EXPECT_EQ(float_to_half(0x1p-24f), 0x0001u);
  EXPECT_EQ(float_to_half(0x1p-25f), 0x0000u);
  EXPECT_EQ(float_to_bfloat16(1.0f), 0x3f80u);
  EXPECT_EQ(float_to_bfloat16(0.1f), 0x3dcdu);
}

}  // namespace
}  // namespace costeff
