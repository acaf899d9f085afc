#ifdef COSTEFF_X86_64
#include <cpuid.h>
#elif defined(COSTEFF_AARCH64) && defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(COSTEFF_AARCH64)
#include <sys/auxv.h>
#endif
#ifdef COSTEFF_AMX
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <cstring>

#include "kernels/grad_table.h"

namespace costeff::kernels {
namespace {

#ifdef COSTEFF_X86_64
// GCC's builtins ask CPUID, and XGETBV for what the operating system saves.
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx_vnni() {
  // Not every compiler's builtin knows it: CPUID leaf 7, subleaf 1, bit 4 of EAX.
  unsigned a = 0, b = 0, c = 0, d = 0;
  return has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 16);
}
#ifdef COSTEFF_AVX512
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
bool has_vnni() { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }
bool has_dots() { return has_vnni() && __builtin_cpu_supports("avx512bf16"); }
#ifdef COSTEFF_AMX
// Linux saves tiles (XCR0 bits 17 and 18) only for processes that asked it to, and may refuse.
bool has_amx() {
  constexpr unsigned kBf16 = 1u << 22, kTiles = 1u << 24, kInt8 = 1u << 25;
  constexpr unsigned kNeeded = kBf16 | kTiles | kInt8, kSaved = 3u << 17;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!has_dots() || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & kNeeded) != kNeeded)
    return false;
  asm("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
  constexpr long kRequest = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return (a & kSaved) == kSaved && syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
}
#endif
#endif
#endif

#ifdef COSTEFF_AARCH64
#ifdef __APPLE__
bool has_feature(const char* name) {
  int value = 0;
  size_t size = sizeof value;
  return sysctlbyname(name, &value, &size, nullptr, 0) == 0 && value;
}
bool has_neon_dots() { return has_feature("hw.optional.arm.FEAT_DotProd"); }
bool has_neon_mmla() {
  return has_feature("hw.optional.arm.FEAT_I8MM") && has_feature("hw.optional.arm.FEAT_BF16");
}
#else
// Bits of Linux's asm/hwcap.h, which older systems' headers do not name.
bool has_neon_dots() { return getauxval(AT_HWCAP) >> 20 & 1; }  // HWCAP_ASIMDDP
bool has_neon_mmla() {
  const unsigned long more = getauxval(AT_HWCAP2);
  return more >> 13 & 1 && more >> 14 & 1;  // HWCAP2_I8MM, HWCAP2_BF16
}
#endif
#endif

struct Tables {
  const KernelTable* list[10] = {};
#ifdef COSTEFF_X86_64
  KernelTable avx_vnni = kAvx2;
#endif
#ifdef COSTEFF_AVX512
  KernelTable avx512_vnni = kAvx512;
#endif
#ifdef COSTEFF_AARCH64
  KernelTable neon_dots = kNeon;
#endif
  Tables() {
    int n = 0;
#ifdef COSTEFF_X86_64
    __builtin_cpu_init();
#ifdef COSTEFF_AVX512
#ifdef COSTEFF_AMX
    if (has_amx()) list[n++] = &kAmx;
#endif
    if (has_dots()) list[n++] = &kAvx512Dots;
    avx512_vnni.name = "avx512-vnni";
    avx512_vnni.int8 = kAvx512VnniInt8;
    if (has_vnni()) list[n++] = &avx512_vnni;
    if (has_avx512()) list[n++] = &kAvx512;
#endif
    avx_vnni.name = "avx-vnni";
    avx_vnni.int8 = kAvxVnniInt8;
    if (has_avx_vnni()) list[n++] = &avx_vnni;
    if (has_avx2()) list[n++] = &kAvx2;
#endif
#ifdef COSTEFF_AARCH64
    if (has_neon_mmla()) list[n++] = &kNeonMmla;
    neon_dots.name = "neon-dots";
    neon_dots.int8 = kNeonDotsInt8;
    if (has_neon_dots()) list[n++] = &neon_dots;
    list[n++] = &kNeon;
#endif
    list[n++] = &kPortable;
    list[n] = &kReference;
  }
};

}  // namespace

#ifdef COSTEFF_X86_64
bool half_rate_512() {
  static const bool half = [] {
    // AMD's performance optimisation identifiers: bit 2 is FP256, bit 3 FP512. Other makers' CPUs
    // do not have the leaf.
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid(0x8000001A, &a, &b, &c, &d) && (a & 4) && !(a & 8);
  }();
  return half;
}
#endif

const KernelTable* const* all_tables() {
  static const Tables tables;
  return tables.list;
}

const GradTable& grad_table(const KernelTable& kernels) {
#ifdef COSTEFF_X86_64
#ifdef COSTEFF_AVX512
  if (std::strncmp(kernels.name, "avx512", 6) == 0 || std::strcmp(kernels.name, "amx") == 0)
    return kAvx512Grad;
#endif
  if (std::strncmp(kernels.name, "avx", 3) == 0) return kAvx2Grad;
#endif
#ifdef COSTEFF_AARCH64
  if (std::strncmp(kernels.name, "neon", 4) == 0) return kNeonGrad;
#endif
  return &kernels == &kReference ? kReferenceGrad : kPortableGrad;
}

const KernelTable* find_table(const char* name) {
  const KernelTable* const* tables = all_tables();
  if (!*name) return tables[0];
  for (; *tables; ++tables) {
    if (std::strcmp((*tables)->name, name) == 0) return *tables;
  }
  return nullptr;
}

}  // namespace costeff::kernels
