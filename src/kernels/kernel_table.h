#pragma once

// The arithmetic of the encoder as a table of functions over raw pointers, one table per
// instruction set. No allocation, no exceptions, no threads in here. All matrices are row-major
// float32; ld* is the distance between rows in floats.
//
// One order of summation: an output element is the sum over k = 0, 1, .. K-1 in that order,
// whatever the number of rows, so that a row's result does not depend on its neighbours, bit for
// bit.

#include <cstdint>

namespace costeff::kernels {

enum class Activation { gelu_erf, gelu_tanh, relu, silu, tanh, none };

// Sizes of buffers are rounded up to this many floats, one vector of the widest table.
inline constexpr int64_t kLane = 16;
inline constexpr int64_t round_up(int64_t n) { return (n + kLane - 1) / kLane * kLane; }

// Floats that a packed [n, k] weight takes. How it is laid out is each table's own business.
inline constexpr int64_t packed_size(int64_t n, int64_t k) { return round_up(n) * k; }

struct KernelTable {
  const char* name;

  // w [n, k], the form of a Linear weight -> packed, 64-byte aligned.
  void (*pack)(const float* w, int64_t ldw, int64_t n, int64_t k, float* packed);
  // w [k, n], its transpose.
  void (*pack_transposed)(const float* w, int64_t ldw, int64_t n, int64_t k, float* packed);

  // y[m, n] = f(x[m, k] w^T + bias). bias: [n], or null for none. y must not overlap x; nothing is
  // written beyond column n.
  void (*linear)(const float* x, int64_t ldx, int64_t m, const float* packed, const float* bias,
                 int64_t n, int64_t k, Activation f, float* y, int64_t ldy);

  // Each row of s [m, n]: s = softmax(scale * s), scale > 0. s is 64-byte aligned, lds a multiple
  // of kLane; what lies between n and the next multiple of kLane is overwritten with 0.
  void (*softmax)(float* s, int64_t lds, int64_t m, int64_t n, float scale);

  // x[i] = f(x[i]) for i in [0, count). x is 64-byte aligned and has room for round_up(count)
  // floats; the room behind count is overwritten.
  void (*activate)(Activation f, float* x, int64_t count);

  // x = LayerNorm(x + y), each row of [m, h]; y null: of x alone. weight, bias: [h].
  void (*add_layer_norm)(float* x, int64_t ldx, const float* y, int64_t ldy, int64_t m, int64_t h,
                         const float* weight, const float* bias, float eps);
};

// Scalar loops with sums in double: the truth that the other tables are tested against.
extern const KernelTable kReference;
// Eigen, any CPU.
extern const KernelTable kPortable;
#ifdef COSTEFF_X86_64
extern const KernelTable kAvx2;    // AVX2 and FMA
extern const KernelTable kAvx512;  // AVX-512 F, BW, DQ, VL
#endif

// The table of that name, or the best one this CPU runs for "". Null: no such table.
const KernelTable* find_table(const char* name);

// Null-terminated list of the tables this CPU runs, best first.
const KernelTable* const* all_tables();

}  // namespace costeff::kernels
