// Gradients an element at a time, for any CPU.

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/grad_table.h"

namespace costeff::kernels {
namespace {

using Vec = float;

#include "kernels/plain/grad_scalar.inc"
//
#include "kernels/plain/dropout_scalar.inc"
//
#include "kernels/simd/grad.inc"

}  // namespace

const GradTable kPortableGrad = kGrad;

}  // namespace costeff::kernels
