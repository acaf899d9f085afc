// AMX beside AVX-512 (Intel's servers since Sapphire Rapids): products of bfloat16 and int8 in
// tiles. float32 gives the bits of avx512.cpp.

#include <immintrin.h>

#include <cstdint>

#include "kernels/kernel_table.h"

namespace costeff::kernels {
namespace {

#include "kernels/x86/avx512_vec.inc"

constexpr int kVecs = 2;  // a panel of packed weights: two tiles

constexpr Tuning kTuning = kIceLake;

#include "kernels/simd/math.inc"
//
#include "kernels/simd/gemm.inc"
#include "kernels/simd/rows.inc"
//
#include "kernels/x86/avx512_int8.inc"
//
#include "kernels/x86/avx512_bf16.inc"

#ifndef COSTEFF_WITHOUT_AMX  // tests bring tiles of their own
#include "kernels/x86/amx_tiles.inc"
#endif
//
#include "kernels/x86/amx_gemm.inc"

}  // namespace

constinit const KernelTable kAmx = table_of("amx", kBf16Tiles, kInt8Tiles);

}  // namespace costeff::kernels
