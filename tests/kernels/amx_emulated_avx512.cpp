// The table of AMX with tiles in software, for CPUs with AVX-512 and its dot products.

#include <immintrin.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "kernels/kernel_table.h"

namespace costeff::kernels {
namespace {

#include "kernels/emulated_tiles.inc"

}  // namespace
}  // namespace costeff::kernels

#define COSTEFF_WITHOUT_AMX
#define kAmx kEmulatedAmx
namespace costeff::kernels {
extern const KernelTable kEmulatedAmx;
}
#include "kernels/x86/amx.cpp"
