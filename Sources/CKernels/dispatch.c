// SPDX-License-Identifier: Apache-2.0

// The choice between the versions of each kernel, made by the loader once (an `ifunc`). Elsewhere than on x86-64 there is
// one version, and nothing to choose.

#include "CKernels.h"

size_t ck_attention_scratch(size_t length, size_t width) {
    return 4 * ck_padded(length) * ck_padded(width) + 16 * ck_padded(length);
}

#if defined(__x86_64__)

/// 2: AVX-512 with the parts that x86-64-v4 names; 1: AVX2, FMA and the rest of x86-64-v3; 0: neither.
/// `__builtin_cpu_supports` asks the operating system too whether it saves the registers.
__attribute__((no_sanitize("address", "thread", "undefined"))) static int level(void) {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return 2;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
}

#define CK_CHOICE(name)                                                                                             \
    extern __typeof__(ck_##name) ck_##name##_avx512, ck_##name##_avx2, ck_##name##_portable;                       \
    __attribute__((no_sanitize("address", "thread", "undefined"), used)) static __typeof__(ck_##name) *choose_##name( \
        void) {                                                                                                     \
        const int l = level();                                                                                      \
        return l == 2 ? ck_##name##_avx512 : l == 1 ? ck_##name##_avx2 : ck_##name##_portable;                      \
    }                                                                                                               \
    __typeof__(ck_##name) ck_##name __attribute__((ifunc("choose_" #name)));

CK_CHOICE(dropout_mask)
CK_CHOICE(apply_mask)
CK_CHOICE(add_bias)
CK_CHOICE(bias_relu)
CK_CHOICE(bias_relu_dropout_residual)
CK_CHOICE(bias_dropout_residual)
CK_CHOICE(masked_gradient)
CK_CHOICE(relu_gradient)
CK_CHOICE(add_column_sums)
CK_CHOICE(add_scaled)
CK_CHOICE(add)
CK_CHOICE(scale_rows)
CK_CHOICE(row_dots)
CK_CHOICE(softmax_rows)
CK_CHOICE(softmax_gradient)
CK_CHOICE(layer_norm_forward)
CK_CHOICE(layer_norm_backward)
CK_CHOICE(depthwise_forward)
CK_CHOICE(depthwise_backward)
CK_CHOICE(grid_depthwise_forward)
CK_CHOICE(grid_depthwise_backward)
CK_CHOICE(grid_max_forward)
CK_CHOICE(grid_max_backward)
CK_CHOICE(grid_patches)
CK_CHOICE(grid_patches_backward)
CK_CHOICE(bias_gelu)
CK_CHOICE(gelu_gradient)
CK_CHOICE(bias_gelu_tanh)
CK_CHOICE(bias_gelu_quick)
CK_CHOICE(image_patches)
CK_CHOICE(image_patches_backward)
CK_CHOICE(group_norm_forward)
CK_CHOICE(group_norm_backward)
CK_CHOICE(activation)
CK_CHOICE(activation_gradient)
CK_CHOICE(geglu)
CK_CHOICE(geglu_gradient)
CK_CHOICE(double_image)
CK_CHOICE(double_image_gradient)
CK_CHOICE(add_transposed)
CK_CHOICE(add_row_sums)
CK_CHOICE(add_to_rows)
CK_CHOICE(approach)
CK_CHOICE(relative_forward)
CK_CHOICE(relative_backward)
CK_CHOICE(attention_forward)
CK_CHOICE(attention_backward)
CK_CHOICE(quadruple_forward)
CK_CHOICE(quadruple_backward)
CK_CHOICE(lstm_forward)
CK_CHOICE(lstm_backward)
CK_CHOICE(sum_of_squares)
CK_CHOICE(adamw)
CK_CHOICE(adam)

const char *ck_instruction_set(void) {
    const int l = level();
    return l == 2 ? "avx512" : l == 1 ? "avx2" : "portable";
}

#else

const char *ck_instruction_set(void) { return "portable"; }

#endif
