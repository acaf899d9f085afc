// ARMv8.0: what every 64-bit ARM CPU has.

#include <arm_neon.h>

#include <cstdint>

#include "kernels/kernel_table.h"

namespace costeff::kernels {
namespace {

#include "kernels/arm/neon_vec.inc"
//
#include "kernels/simd/math.inc"
//
#include "kernels/simd/gemm.inc"
#include "kernels/simd/rows.inc"
//
#include "kernels/simd/bf16.inc"
//
#include "kernels/arm/neon_int8.inc"

}  // namespace

constinit const KernelTable kNeon = table_of("neon", kBf16Floats, kInt8Dots);

}  // namespace costeff::kernels
