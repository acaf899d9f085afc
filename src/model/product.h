#pragma once

// A packed weight, and the product with it.

#include <cstdint>

#include "base/aligned.h"
#include "base/crew.h"
#include "kernels/kernel_table.h"

namespace costeff::model {

// y = x w^T + b, w [out, in] packed for one kernel table in one precision.
struct PackedLinear {
  const std::byte* weight = nullptr;  // somebody else's
  FloatBuffer bias;                   // [round_up(out)], filled up with 0
  int64_t out = 0, in = 0;
  kernels::Precision precision = kernels::Precision::float32;
  explicit operator bool() const { return out > 0; }
};

// Rows in the form that one precision's product takes.
struct PreparedRows {
  const void* data = nullptr;
  int64_t row_bytes = 0;
};

// x [m, k] made ready for products in `precision`, each thread of the crew some rows of it; they
// have met when it returns. `buffer` is the crew's, large enough (prepared_bytes).
PreparedRows prepare_rows(const kernels::KernelTable& kernels, kernels::Precision precision,
                          const Crew& crew, const float* x, int64_t ldx, int64_t m, int64_t k,
                          std::byte* buffer);

// The same of f(x), which x becomes. A few rows at a time, which are near while they are made
// ready. x as KernelTable::activate wants it, ldx a multiple of kLane.
PreparedRows activate_rows(const kernels::KernelTable& kernels, kernels::Precision precision,
                           const Crew& crew, kernels::Activation f, float* x, int64_t ldx,
                           int64_t m, int64_t k, std::byte* buffer);

// Bytes that these need; 0 for float32, whose rows are taken as they are.
int64_t prepared_bytes(const kernels::KernelTable& kernels, kernels::Precision precision, int64_t m,
                       int64_t k);

// y [m, l.out] = x l^T + b, each thread of the crew some columns of it; they do not meet. Two
// products between meetings differ in `ticket` (Crew::ticket).
void multiply(const kernels::KernelTable& kernels, const Crew& crew, const PackedLinear& l,
              const PreparedRows& x, int64_t m, float* y, int64_t ldy, int64_t ticket = 0);

// Both in one, alone: y [m, n] = x [m, k] times what was packed + bias, bias [n] or null.
// `prepared` has room for m rows as the product takes them; null where those are floats.
void apply_packed(const kernels::Product& p, const float* x, int64_t ldx, int64_t m,
                  const std::byte* packed, const float* bias, int64_t n, int64_t k, float* y,
                  int64_t ldy, std::byte* prepared);

// The same of a weight: y [m, l.out] = x l^T + b. `rows` is scratch.
void apply_linear(const kernels::KernelTable& kernels, const PackedLinear& l, const float* x,
                  int64_t ldx, int64_t m, float* y, int64_t ldy, ByteBuffer* rows);

}  // namespace costeff::model
