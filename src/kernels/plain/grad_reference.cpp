// Gradients in double, an element at a time.

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/grad_table.h"

namespace costeff::kernels {
namespace {

using Vec = double;

#include "kernels/plain/grad_scalar.inc"
//
#include "kernels/plain/dropout_scalar.inc"
//
#include "kernels/simd/grad.inc"

}  // namespace

const GradTable kReferenceGrad = kGrad;

}  // namespace costeff::kernels
