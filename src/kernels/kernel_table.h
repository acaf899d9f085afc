#pragma once

// The arithmetic of the encoder as a table of functions over raw pointers, one table per
// instruction set. Nothing here allocates, throws or starts threads. Matrices are row-major float32
// unless said otherwise; ld* is the distance between rows in floats.
//
// There is one order of summation, whatever the number of rows: an output element is the sum over
// k = 0, 1, .. K-1 in that order (in AMX's tiles, over steps of k: x86/amx_gemm.inc). So a row's
// result does not depend on the rows beside it, bit for bit.

#include <cstdint>

namespace costeff::kernels {

enum class Activation { gelu_erf, gelu_tanh, relu, silu, tanh, none };

// Sizes of buffers are rounded up to a multiple of this many floats, one vector of the widest
// table.
inline constexpr int64_t kLane = 16;
inline constexpr int64_t round_up(int64_t n) { return (n + kLane - 1) / kLane * kLane; }

// The precision of the encoder's products. Sums, activations, LayerNorm and the residual stream are
// float32 in all of them.
//   bfloat16  weights and rows rounded to bfloat16, sums in float32
//   int8      weights symmetric per output channel, -127..127; each row in 254 steps from its
//             smallest value to its largest, zero among them; exact sums in int32
enum class Precision : uint8_t { float32, bfloat16, int8 };

// The most inputs for which the exact sums of int8 fit in 32 bits.
inline constexpr int64_t kMaxInt8Inputs = 65536;

// y = x w^T + bias in one precision. A weight [n, k] is packed by columns of y: columns [j, n)
// begin at j * column_bytes(k) if j is a multiple of KernelTable::panel, so that ranges of columns
// can be computed separately.
struct Product {
  // A packed weight takes round_up(n) * column_bytes(k) bytes, 64-byte aligned. How it is laid out
  // is each table's own business.
  int64_t (*column_bytes)(int64_t k);
  // Exactly one of these two is set. w [n, k], the form of a Linear weight. int8: without gaps
  // between rows, and scale [n]: weight = w scale. Nothing after w is read: it may be the end of a
  // mapped file.
  void (*pack)(const float* w, int64_t ldw, int64_t n, int64_t k, void* packed);
  void (*pack_int8)(const int8_t* w, const float* scale, int64_t n, int64_t k, void* packed);
  // The same for w [k, n], the transpose, which attention needs. Null: not a product for attention.
  void (*pack_transposed)(const float* w, int64_t ldw, int64_t n, int64_t k, void* packed);
  // Converts rows to the form that multiply reads: row_bytes(k) bytes each, 64-byte aligned. Null:
  // it reads rows of floats.
  int64_t (*row_bytes)(int64_t k);
  void (*prepare)(const float* x, int64_t ldx, int64_t m, int64_t k, void* rows);
  // rows: m of them, row_bytes apart. bias [n] or null. Writes y [m, n] and nothing beyond column
  // n; y must not overlap the rows.
  void (*multiply)(const void* rows, int64_t row_bytes, int64_t m, const void* packed,
                   const float* bias, int64_t n, int64_t k, float* y, int64_t ldy);
  // The same, added to what y holds, without a bias: the sums over k go on from there, so that two
  // halves of k one after the other give the bits of the whole. Null: not in this precision.
  void (*accumulate)(const void* rows, int64_t row_bytes, int64_t m, const void* packed, int64_t n,
                     int64_t k, float* y, int64_t ldy) = nullptr;
  // Only the multiply-accumulates, in registers, `rounds` times over: the CPU's peak. Returns the
  // number of multiply-accumulates. Null: not known for this table.
  int64_t (*spin)(int64_t rounds);
};

struct KernelTable {
  const char* name;
  int64_t panel;  // columns of packed weights that are computed together

  // Each row of s [m, n]: s = softmax(scale * s), scale > 0. s is 64-byte aligned, lds a multiple
  // of kLane; elements from n to the next multiple of kLane are overwritten with 0.
  void (*softmax)(float* s, int64_t lds, int64_t m, int64_t n, float scale);

  // x[i] = f(x[i]) for i in [0, count). x is 64-byte aligned and has room for round_up(count)
  // floats; those from count on are overwritten.
  void (*activate)(Activation f, float* x, int64_t count);

  // x = LayerNorm(x + y), each row of [m, h]; y null: LayerNorm(x). weight, bias: [h].
  void (*add_layer_norm)(float* x, int64_t ldx, const float* y, int64_t ldy, int64_t m, int64_t h,
                         const float* weight, const float* bias, float eps);

  Product float32, bfloat16, int8;

  const Product& product(Precision p) const {
    return p == Precision::float32 ? float32 : p == Precision::bfloat16 ? bfloat16 : int8;
  }
  // Multiplies queries with keys and scores with values in a model of that precision: in bfloat16
  // where the model is not float32 and the table is faster in it.
  const Product& attention(Precision p) const {
    return p != Precision::float32 && bfloat16.pack_transposed ? bfloat16 : float32;
  }
};

// Scalar loops with sums in double, which the other tables are tested against.
extern const KernelTable kReference;
// Eigen, any CPU.
extern const KernelTable kPortable;
#ifdef COSTEFF_X86_64
extern const KernelTable kAvx2;        // AVX2 and FMA
extern const Product kAvxVnniInt8;     // its int8 with AVX-VNNI's dot products
extern const KernelTable kAvx512;      // AVX-512 F, BW, DQ, VL
extern const Product kAvx512VnniInt8;  // its int8 with VNNI's dot products
extern const KernelTable kAvx512Dots;  // AVX-512 with VNNI and BF16: dot products of bfloat16 too
extern const KernelTable kAmx;         // the same, with tiles for bfloat16 and int8
// Whether this CPU runs 512-bit vectors at half rate, on data paths of 256 bits (AMD's Zen 4).
bool half_rate_512();
#endif
#ifdef COSTEFF_AARCH64
extern const KernelTable kNeon;      // ARMv8.0
extern const Product kNeonDotsInt8;  // its int8 with ARMv8.2's dot products
extern const KernelTable kNeonMmla;  // products of 2 x 2 matrices of int8 and bfloat16 (I8MM, BF16)
#endif

// The table of that name, or for "" the best one that this CPU runs. Null: no such table.
const KernelTable* find_table(const char* name);

// Null-terminated list of the tables this CPU runs, best first.
const KernelTable* const* all_tables();

}  // namespace costeff::kernels
