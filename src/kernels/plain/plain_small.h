#pragma once

// The products of the tables that run on any CPU: float32 and bfloat16 over the table's own pack
// and linear, int8 in plain loops.

#include "kernels/kernel_table.h"

namespace costeff::kernels {

// v rounded to bfloat16, ties to even, as a float.
float round_to_bf16(float v);
// Product::prepare for rows of floats rounded to bfloat16, and Product::row_bytes.
void prepare_bf16_rows(const float* x, int64_t ldx, int64_t m, int64_t k, void* rows);
int64_t bf16_row_bytes(int64_t k);

// Functions of rows and packed weights of floats, in the form of a Product.
// linear_on: linear, added to y.
template <auto pack, auto pack_transposed, auto linear, auto linear_on>
struct PlainFloats {
  static int64_t column_bytes(int64_t k) { return k * 4; }
  static void pack_exact(const float* w, int64_t ldw, int64_t n, int64_t k, void* packed) {
    pack(w, ldw, n, k, static_cast<float*>(packed));
  }
  static void pack_exact_transposed(const float* w, int64_t ldw, int64_t n, int64_t k,
                                    void* packed) {
    pack_transposed(w, ldw, n, k, static_cast<float*>(packed));
  }
  // Weights and rows are rounded and kept as floats: the products are exactly those of bfloat16.
  static void pack_rounded(const float* w, int64_t ldw, int64_t n, int64_t k, void* packed) {
    pack_exact(w, ldw, n, k, packed);
    auto* p = static_cast<float*>(packed);
    for (int64_t i = 0; i < round_up(n) * k; ++i) p[i] = round_to_bf16(p[i]);
  }
  static void multiply(const void* rows, int64_t row_bytes, int64_t m, const void* packed,
                       const float* bias, int64_t n, int64_t k, float* y, int64_t ldy) {
    linear(static_cast<const float*>(rows), row_bytes / 4, m, static_cast<const float*>(packed),
           bias, n, k, y, ldy);
  }
  static void accumulate(const void* rows, int64_t row_bytes, int64_t m, const void* packed,
                         int64_t n, int64_t k, float* y, int64_t ldy) {
    linear_on(static_cast<const float*>(rows), row_bytes / 4, m, static_cast<const float*>(packed),
              n, k, y, ldy);
  }
  static constexpr Product float32{.column_bytes = column_bytes,
                                   .pack = pack_exact,
                                   .pack_int8 = nullptr,
                                   .pack_transposed = pack_exact_transposed,
                                   .row_bytes = nullptr,
                                   .prepare = nullptr,
                                   .multiply = multiply,
                                   .accumulate = accumulate,
                                   .spin = nullptr};
  static constexpr Product bfloat16{.column_bytes = column_bytes,
                                    .pack = pack_rounded,
                                    .pack_int8 = nullptr,
                                    .pack_transposed = nullptr,
                                    .row_bytes = bf16_row_bytes,
                                    .prepare = prepare_bf16_rows,
                                    .multiply = multiply,
                                    .accumulate = accumulate,
                                    .spin = nullptr};
};

// int8. Packed weights: for each column of y k bytes, padded to a multiple of 4, then its scale.
// Rows: k int16, padded to a multiple of 64 bytes, then the scale.
int64_t int8_column_bytes(int64_t k);
int64_t int8_row_bytes(int64_t k);
void pack_int8(const int8_t* w, const float* scale, int64_t n, int64_t k, void* packed);
void prepare_int8_rows(const float* x, int64_t ldx, int64_t m, int64_t k, void* rows);
void multiply_int8(const void* rows, int64_t row_bytes, int64_t m, const void* packed,
                   const float* bias, int64_t n, int64_t k, float* y, int64_t ldy);

inline constexpr Product kPlainInt8{.column_bytes = int8_column_bytes,
                                    .pack = nullptr,
                                    .pack_int8 = pack_int8,
                                    .pack_transposed = nullptr,
                                    .row_bytes = int8_row_bytes,
                                    .prepare = prepare_int8_rows,
                                    .multiply = multiply_int8,
                                    .spin = nullptr};

}  // namespace costeff::kernels
