// SPDX-License-Identifier: Apache-2.0

#if defined(__x86_64__)
#define CK(name) ck_##name##_avx512
#define CK_NATIVE 16
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#include "all.inc"
#pragma clang attribute pop
#endif
