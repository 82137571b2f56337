// SPDX-License-Identifier: Apache-2.0

// The plain multiplication that OpenBLAS's kernels are checked against (NeuralNetworks/Memory/CoreCheck.swift).

#include <string.h>

#include "CKernels.h"

void ck_odd_numbers(float *x, size_t count, uint64_t seed) {
    uint64_t state = seed;
    for (size_t i = 0; i < count; i++) {
        // Knuth's MMIX generator; its upper bits.
        state = state * 6364136223846793005u + 1442695040888963407u;
        x[i] = (float)(int)(state >> 62) * 2 - 3;
    }
}

void ck_plain_product(const float *a, const float *b, float *product, size_t n, size_t m, size_t k) {
    for (size_t i = 0; i < n; i++) {
        float *row = product + i * m;
        memset(row, 0, m * sizeof(float));
        for (size_t l = 0; l < k; l++)
            for (size_t j = 0; j < m; j++) row[j] += a[i * k + l] * b[l * m + j];
    }
}

void ck_spread(const float *x, size_t row_step, size_t column_step, float *y, size_t stride, size_t rows, size_t columns) {
    const float nan = __builtin_nanf("");
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < stride; j++)
            y[i * stride + j] = j < columns ? x[i * row_step + j * column_step] : nan;
}

int ck_is_product(const float *y, size_t stride, const float *product, float factor, float start, size_t n, size_t m) {
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < m; j++)
            if (y[i * stride + j] != start + factor * product[i * m + j]) return 0;
        for (size_t j = m; j < stride; j++)
            if (y[i * stride + j] == y[i * stride + j]) return 0;
    }
    return 1;
}
