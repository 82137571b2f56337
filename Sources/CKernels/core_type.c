// SPDX-License-Identifier: Apache-2.0

// OpenBLAS with the right kernels. Release 0.3.21 knows newer AMD CPUs as Haswell or Zen, although they have AVX-512, and
// then multiplies matrices at half the speed. It reads OPENBLAS_CORETYPE when it is loaded, which is before this program
// can set it: the C library takes over the environment only afterwards. So OpenBLAS is asked to choose once more, here,
// before `main`, while there is one thread. Its two functions for that are exported by every build that has several
// kernels in it (DYNAMIC_ARCH); where they are missing, there is nothing to choose. A value that the user set wins.

#include <stdlib.h>
#include <string.h>

#include "CKernels.h"

#if defined(__x86_64__)

extern char *openblas_get_corename(void) __attribute__((weak));
extern void gotoblas_dynamic_init(void) __attribute__((weak));
extern void gotoblas_dynamic_quit(void) __attribute__((weak));

__attribute__((constructor)) static void choose_core_type(void) {
    if (!openblas_get_corename || !gotoblas_dynamic_init || !gotoblas_dynamic_quit) return;
    if (getenv("OPENBLAS_CORETYPE") || strcmp(ck_instruction_set(), "avx512") != 0) return;
    const char *chosen = openblas_get_corename();
    if (strcmp(chosen, "Haswell") != 0 && strcmp(chosen, "Zen") != 0) return;
    setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
    gotoblas_dynamic_quit();
    gotoblas_dynamic_init();
    unsetenv("OPENBLAS_CORETYPE");
}

#endif
