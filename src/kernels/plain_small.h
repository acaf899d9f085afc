#pragma once

// bfloat16 and int8 in plain loops, for the tables that run on any CPU.

#include "kernels/kernel_table.h"

namespace costeff::kernels {

// The bfloat16 nearest to v, ties to even, as a float.
float round_to_bf16(float v);
// Rows of floats rounded to bfloat16, as Product::prepare; and their size.
void prepare_bf16_rows(const float* x, int64_t ldx, int64_t m, int64_t k, void* rows);
int64_t bf16_row_bytes(int64_t k);

// int8. Packed weights: a column of y after the other, k bytes filled up to a multiple of 4, then
// its scale. Rows: k bytes filled up to a multiple of 64, then the scale.
int64_t int8_column_bytes(int64_t k);
int64_t int8_row_bytes(int64_t k);
void pack_int8(const int8_t* w, const float* scale, int64_t n, int64_t k, void* packed);
void prepare_int8_rows(const float* x, int64_t ldx, int64_t m, int64_t k, void* rows);
void multiply_int8(const void* rows, int64_t row_bytes, int64_t m, const void* packed,
                   const float* bias, int64_t n, int64_t k, Activation f, float* y, int64_t ldy);

inline constexpr Product kPlainInt8{.column_bytes = int8_column_bytes,
                                    .pack = nullptr,
                                    .pack_int8 = pack_int8,
                                    .row_bytes = int8_row_bytes,
                                    .prepare = prepare_int8_rows,
                                    .multiply = multiply_int8,
                                    .spin = nullptr};

}  // namespace costeff::kernels
