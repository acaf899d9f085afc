// The int8 of AVX-VNNI with its one instruction replaced by what it does, for CPUs that do not have
// it: all else of it is tested wherever there is AVX2.

#define COSTEFF_WITHOUT_VNNI
#define kAvxVnniInt8 kEmulatedAvxVnniInt8
#include "kernels/x86/avx_vnni.cpp"
