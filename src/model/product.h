#pragma once

// A packed weight, and the product with it.

#include <cstdint>

#include "base/aligned.h"
#include "base/threads/crew.h"
#include "kernels/kernel_table.h"

namespace costeff::model {

// y = x w^T + b, w [out, in] packed for one kernel table in one precision.
struct PackedLinear {
  const std::byte* weight = nullptr;  // not owned
  FloatBuffer bias;                   // [round_up(out)], padded with 0
  int64_t out = 0, in = 0;
  kernels::Precision precision = kernels::Precision::float32;
  explicit operator bool() const { return out > 0; }
};

// Rows in the form that one precision's product reads.
struct PreparedRows {
  const void* data = nullptr;
  int64_t row_bytes = 0;
};

// Prepares x [m, k] for products in `precision`. The crew's threads divide the rows; they have met when
// it returns. `buffer` is shared by the crew and has prepared_bytes().
PreparedRows prepare_rows(const kernels::KernelTable& kernels, kernels::Precision precision,
                          const Crew& crew, const float* x, int64_t ldx, int64_t m, int64_t k,
                          std::byte* buffer);

// Does the same for f(x), which replaces x. It takes a few rows at a time, so that they are still in
// the cache when they are prepared. x must fit KernelTable::activate; ldx is a multiple of kLane.
PreparedRows activate_rows(const kernels::KernelTable& kernels, kernels::Precision precision,
                           const Crew& crew, kernels::Activation f, float* x, int64_t ldx,
                           int64_t m, int64_t k, std::byte* buffer);

// The size of the buffer for these two, in bytes; 0 if the product reads rows of floats.
int64_t prepared_bytes(const kernels::KernelTable& kernels, kernels::Precision precision, int64_t m,
                       int64_t k);

// y [m, l.out] = x l^T + b. The crew's threads divide the columns; they do not meet. Two products
// between meetings need different values of `ticket` (Crew::ticket).
void multiply(const kernels::KernelTable& kernels, const Crew& crew, const PackedLinear& l,
              const PreparedRows& x, int64_t m, float* y, int64_t ldy, int64_t ticket = 0);

// Prepares and multiplies on one thread: y [m, n] = x [m, k] times the packed weight, plus bias.
//   bias: [n], or null.   prepared: room for m prepared rows; null if the product reads rows of floats.
void apply_packed(const kernels::Product& p, const float* x, int64_t ldx, int64_t m,
                  const std::byte* packed, const float* bias, int64_t n, int64_t k, float* y,
                  int64_t ldy, std::byte* prepared);

// The same for a map: y [m, l.out] = x l^T + b. `rows` is scratch.
void apply_linear(const kernels::KernelTable& kernels, const PackedLinear& l, const float* x,
                  int64_t ldx, int64_t m, float* y, int64_t ldy, ByteBuffer* rows);

}  // namespace costeff::model
