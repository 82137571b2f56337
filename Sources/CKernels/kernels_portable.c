// SPDX-License-Identifier: Apache-2.0

// The version that every machine of the architecture runs: SSE2 on x86-64, NEON on aarch64.
#if defined(__x86_64__)
#define CK(name) ck_##name##_portable
#else
#define CK(name) ck_##name
#endif
#define CK_NATIVE 4
#include "all.inc"
