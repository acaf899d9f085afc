// Gradients an element at a time, for any CPU.

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/grad_table.h"

namespace costeff::kernels {
namespace {

using Vec = float;

#include "kernels/grad_scalar.inc"
//
#include "kernels/grad.inc"

}  // namespace

const GradTable kPortableGrad = kGrad;

}  // namespace costeff::kernels
