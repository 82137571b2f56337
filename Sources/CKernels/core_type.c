// SPDX-License-Identifier: Apache-2.0

// Facts that the choice of OpenBLAS's kernels rests on (NeuralNetworks/Memory/CoreChoice.swift decides): what the processor
// can do, which cores this build of OpenBLAS has, and the taking of one.
//
// OpenBLAS reads OPENBLAS_CORETYPE when it is loaded, before this program can set it. Its two functions for choosing are
// exported by every build that has several kernels in it (DYNAMIC_ARCH), as are the cores' tables, so it is asked to choose
// once more. Where they are missing there is nothing to choose.

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "CKernels.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

extern char *openblas_get_corename(void) __attribute__((weak));
extern void gotoblas_dynamic_init(void) __attribute__((weak));
extern void gotoblas_dynamic_quit(void) __attribute__((weak));

#define CORES(CORE)                                                                                                   \
    CORE("SapphireRapids", SAPPHIRERAPIDS)                                                                            \
    CORE("Cooperlake", COOPERLAKE)                                                                                    \
    CORE("SkylakeX", SKYLAKEX)                                                                                        \
    CORE("Haswell", HASWELL)                                                                                          \
    CORE("Zen", ZEN)                                                                                                  \
    CORE("Sandybridge", SANDYBRIDGE)                                                                                  \
    CORE("Prescott", PRESCOTT)                                                                                        \
    CORE("neoversen2", NEOVERSEN2)                                                                                    \
    CORE("neoversev1", NEOVERSEV1)                                                                                    \
    CORE("neoversen1", NEOVERSEN1)                                                                                    \
    CORE("armv8", ARMV8)

#define DECLARE(name, symbol) extern char gotoblas_##symbol[] __attribute__((weak));
CORES(DECLARE)

const char *ck_openblas_core(size_t number) {
    if (!openblas_get_corename || !gotoblas_dynamic_init || !gotoblas_dynamic_quit) return NULL;
    size_t count = 0;
#define FIND(name, symbol) if (gotoblas_##symbol && count++ == number) return name;
    CORES(FIND)
    return NULL;
}

int ck_openblas_take(const char *core) {
    if (!openblas_get_corename || !gotoblas_dynamic_init || !gotoblas_dynamic_quit) return 0;
    setenv("OPENBLAS_CORETYPE", core, 1);
    gotoblas_dynamic_quit();
    gotoblas_dynamic_init();
    unsetenv("OPENBLAS_CORETYPE");
    return strcasecmp(openblas_get_corename(), core) == 0;
}

#if defined(__x86_64__)

// `__builtin_cpu_supports` asks XGETBV too, whether the operating system saves the registers.
uint32_t ck_processor_features(void) {
    __builtin_cpu_init();
    uint32_t features = 0;
    if (__builtin_cpu_supports("avx")) features |= CK_AVX;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) features |= CK_AVX2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        features |= CK_AVX512;
    if (__builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni")) features |= CK_AVX512_BF16;
    return features;
}

#elif defined(__aarch64__) && defined(__linux__)

// The kernel's numbers (asm/hwcap.h), of which older headers lack some. A core is compiled for a version of the architecture,
// so that all of what its compiler may use must be there.
uint32_t ck_processor_features(void) {
    const unsigned long one = getauxval(AT_HWCAP), two = getauxval(AT_HWCAP2);
    const unsigned long crc32 = 1 << 7, atomics = 1 << 8, half = 1 << 9 | 1 << 10, rdm = 1 << 12, dot = 1 << 20, sve = 1 << 22;
    const unsigned long jscvt = 1 << 13, fcma = 1 << 14, lrcpc = 1 << 15, dit = 1 << 24, uscat = 1 << 25, ilrcpc = 1 << 26;
    const unsigned long arm82 = crc32 | atomics | half | rdm | dot, arm84 = arm82 | jscvt | fcma | lrcpc | dit | uscat | ilrcpc;
    const unsigned long sve2 = 1 << 1, frint = 1 << 8, i8mm = 1 << 13, bf16 = 1 << 14;
    const unsigned long arm85 = sve2 | frint | i8mm | bf16;
    uint32_t features = 0;
    if ((one & arm82) == arm82) features |= CK_ARM_8_2;
    if ((one & (arm84 | sve)) == (arm84 | sve)) features |= CK_ARM_SVE;
    if ((features & CK_ARM_SVE) && (two & arm85) == arm85) features |= CK_ARM_SVE2;
    return features;
}

#else

uint32_t ck_processor_features(void) { return 0; }

#endif
