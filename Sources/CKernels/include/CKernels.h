// SPDX-License-Identifier: Apache-2.0

#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

// The loops of the network that BLAS has no routine for, each compiled for AVX-512, AVX2 and the plain machine; the
// loader picks the version (dispatch.c). All matrices are row-major Float32 and contiguous unless a stride says
// otherwise. A `mask` holds one byte an element, 1 = kept; NULL keeps everything. `scale` is 1 / (1 - drop rate).
// Sums run in a fixed order, so the same input gives the same bits on the same kind of CPU.

// --- Dropout -------------------------------------------------------------------------------------------------------

/// Fills `mask` with `count` bytes, each 1 with probability `keep` / 65536. Element i comes from block i / 128 of
/// Philox4x32-10 (Salmon et al. 2011) under `key` and the counter (block, site, sample, step): no state, any order.
void ck_dropout_mask(uint8_t *mask, size_t count, uint32_t keep, uint64_t key, uint32_t site, uint32_t sample,
                     uint32_t step);

/// y = x * mask * scale, element by element; x and y may be the same.
void ck_apply_mask(const float *x, const uint8_t *mask, float scale, float *y, size_t count);

// --- Linear layers' ends -------------------------------------------------------------------------------------------

/// y (rows, columns) += bias, on every row.
void ck_add_bias(float *y, const float *bias, size_t rows, size_t columns);

/// y = max(y + bias, 0) on every row.
void ck_bias_relu(float *y, const float *bias, size_t rows, size_t columns);

/// y = x + mask * scale * max(z + bias, 0). Leaves in `active` (one byte an element) whether the gradient passes: kept
/// by the mask, and z + bias above zero. `active` may be `mask` itself.
void ck_bias_relu_dropout_residual(const float *z, const float *bias, const float *x, const uint8_t *mask, float scale,
                                   uint8_t *active, float *y, size_t rows, size_t columns);

/// y = x + mask * scale * (z + bias).
void ck_bias_dropout_residual(const float *z, const float *bias, const float *x, const uint8_t *mask, float scale,
                              float *y, size_t rows, size_t columns);

/// dz = dy * mask * scale, and dbias += the sum of dz over rows: the gradient of both functions above.
void ck_masked_gradient(const float *dy, const uint8_t *mask, float scale, float *dz, float *dbias, size_t rows,
                        size_t columns);

/// dz = y > 0 ? dy : 0, and dbias += the sum of dz over rows: the gradient of `ck_bias_relu` with output y.
void ck_relu_gradient(const float *dy, const float *y, float *dz, float *dbias, size_t rows, size_t columns);

/// sum (columns) += the sum of x over rows.
void ck_add_column_sums(const float *x, float *sum, size_t rows, size_t columns);

// --- Element by element --------------------------------------------------------------------------------------------

/// y += factor * x.
void ck_add_scaled(const float *x, float factor, float *y, size_t count);

/// y = a + b; any of them may be the same.
void ck_add(const float *a, const float *b, float *y, size_t count);

/// y (rows, columns) = x with row r times factor[r]; x and y may be the same.
void ck_scale_rows(const float *x, const float *factor, float *y, size_t rows, size_t columns);

/// result[r] = the dot product of row r of x and row r of y. `y_stride` 0 takes the same row for all.
void ck_row_dots(const float *x, const float *y, size_t y_stride, float *result, size_t rows, size_t columns);

/// Softmax of each of `rows` rows of x (stride given) over `columns`, in place; `bias` (columns) is added first, and
/// may be NULL.
void ck_softmax_rows(float *x, size_t stride, const float *bias, size_t rows, size_t columns);

/// dx = y * (dy - sum(dy * y)) for each row: the gradient of softmax with output y. dx may be dy.
void ck_softmax_gradient(const float *y, const float *dy, float *dx, size_t stride, size_t rows, size_t columns);

// --- Layer normalisation -------------------------------------------------------------------------------------------

/// y = mask * scale * ((x - mean) / sqrt(variance + epsilon) * gamma + beta) over each row; keeps mean and
/// 1 / sqrt(variance + epsilon) of each row in `statistics` (rows, 2).
void ck_layer_norm_forward(const float *x, const float *gamma, const float *beta, float epsilon, const uint8_t *mask,
                           float scale, float *y, float *statistics, size_t rows, size_t columns);

/// dx += the gradient at x, dgamma and dbeta += theirs, given dy at the function's output.
void ck_layer_norm_backward(const float *x, const float *statistics, const float *gamma, const float *dy,
                            const uint8_t *mask, float scale, float *dx, float *dgamma, float *dbeta, size_t rows,
                            size_t columns);

// --- Depthwise convolution, 7 taps ---------------------------------------------------------------------------------

/// y[l, c] = sum over k of weight[k, c] * x[l + k - 3, c], zeros beyond the ends. x, y (length, channels); weight (7,
/// channels).
void ck_depthwise_forward(const float *x, const float *weight, float *y, size_t length, size_t channels);

/// dx = the gradient at x; dweight (7, channels) += that of the weight.
void ck_depthwise_backward(const float *x, const float *weight, const float *dy, float *dx, float *dweight,
                           size_t length, size_t channels);

// --- Windows over a grid -------------------------------------------------------------------------------------------

/// A window that moves over a grid, along time, height and width. Cells are rows, time slowest.
typedef struct {
    /// The cells of the grid, and the places of the window.
    size_t from[3], to[3];
    /// The window's size, its steps, and how far the first place lies before the grid.
    size_t kernel[3], step[3], before[3];
} ck_window;

/// y (places, channels) = for each channel the sum of weight (taps, channels) times x (cells, channels) under it.
void ck_grid_depthwise_forward(const ck_window *window, const float *x, const float *weight, float *y,
                               size_t channels);

/// dx += the gradient at x, unless it is NULL; dweight (taps, channels) += that of the weight.
void ck_grid_depthwise_backward(const ck_window *window, const float *x, const float *weight, const float *dy,
                                float *dx, float *dweight, size_t channels);

/// y (places, channels) = the largest of x (cells, channels) under the window; keeps which tap it was, the first of
/// equal ones. At most 256 taps, of which one at least lies within the grid.
void ck_grid_max_forward(const ck_window *window, const float *x, float *y, uint8_t *taps_of_largest, size_t channels);

/// dx += the gradient at x.
void ck_grid_max_backward(const ck_window *window, const float *dy, const uint8_t *taps_of_largest, float *dx,
                          size_t channels);

/// patches (count, channels * taps) = the cells of x (channels, cells) under the places `from` and on, zeros beyond.
void ck_grid_patches(const ck_window *window, const float *x, float *patches, size_t channels, size_t from,
                     size_t count);

/// dx (channels, cells) += the gradient at x.
void ck_grid_patches_backward(const ck_window *window, const float *dpatches, float *dx, size_t channels, size_t from,
                              size_t count);

// --- The exact GELU ------------------------------------------------------------------------------------------------

/// x += bias on every row, and y = x times the normal distribution up to x; x and y (rows, columns) may be the same.
void ck_bias_gelu(float *x, const float *bias, float *y, size_t rows, size_t columns);

/// dx = the gradient at x of the function above, and dbias += the sum of dx over rows; dx may be dy.
void ck_gelu_gradient(const float *dy, const float *x, float *dx, float *dbias, size_t rows, size_t columns);

// --- Activations of encoders that are not trained ------------------------------------------------------------------

/// x += bias on every row, then GELU by its hyperbolic tangent: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
void ck_bias_gelu_tanh(float *x, const float *bias, size_t rows, size_t columns);

/// x += bias on every row, then x times the logistic function of 1.702 x.
void ck_bias_gelu_quick(float *x, const float *bias, size_t rows, size_t columns);

// --- Pictures ------------------------------------------------------------------------------------------------------

/// A square window that moves over the cells of a picture, both ways alike.
typedef struct {
    /// The cells of the picture, and the places of the window.
    size_t height, width, out_height, out_width;
    /// The window's size, its steps, and how far the first place lies before the picture.
    size_t kernel, step, before;
} ck_image_window;

/// patches (channels * taps, count) = the cells of x (channels, cells) under the places `from` and on, zeros beyond.
void ck_image_patches(const ck_image_window *window, const float *x, float *patches, size_t channels, size_t from,
                      size_t count);

/// dx (channels, cells) += the gradient at x.
void ck_image_patches_backward(const ck_image_window *window, const float *dpatches, float *dx, size_t channels,
                               size_t from, size_t count);

/// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, x (channels, cells), mean and variance over each of
/// `groups` groups of channels; keeps mean and 1 / sqrt(variance + epsilon) in `statistics` (groups, 2).
void ck_group_norm_forward(const float *x, const float *gamma, const float *beta, float epsilon, float *y,
                           float *statistics, size_t channels, size_t cells, size_t groups);

/// dx, unless it is NULL, dgamma and dbeta += the gradients, given dy at the function's output.
void ck_group_norm_backward(const float *x, const float *statistics, const float *gamma, const float *dy, float *dx,
                            float *dgamma, float *dbeta, size_t channels, size_t cells, size_t groups);

/// Functions of one number: x times the logistic function of x, or of 1.702 x; the exact GELU; the larger of x and 0.
enum { CK_SILU, CK_QUICK_GELU, CK_GELU, CK_RELU };

/// y = the function of x.
void ck_activation(int kind, const float *x, float *y, size_t count);

/// dx += dy times the function's slope at x.
void ck_activation_gradient(int kind, const float *x, const float *dy, float *dx, size_t count);

/// y (rows, columns) = the first half of each row of x (rows, 2 * columns) times the exact GELU of the second.
void ck_geglu(const float *x, float *y, size_t rows, size_t columns);

/// dx += the gradient at x.
void ck_geglu_gradient(const float *x, const float *dy, float *dx, size_t rows, size_t columns);

/// y (channels, 2 * height, 2 * width) = x (channels, height, width) with each cell four times.
void ck_double_image(const float *x, float *y, size_t channels, size_t height, size_t width);

/// dx += the gradient at x.
void ck_double_image_gradient(const float *dy, float *dx, size_t channels, size_t height, size_t width);

/// y (columns, rows) += x (rows, columns), transposed.
void ck_add_transposed(const float *x, float *y, size_t rows, size_t columns);

/// sum (rows) += the sum of each row of x.
void ck_add_row_sums(const float *x, float *sum, size_t rows, size_t columns);

/// y (rows, columns; `stride`) += bias (rows), each on all of its row.
void ck_add_to_rows(float *y, size_t stride, const float *bias, size_t rows, size_t columns);

/// average += share * (x - average).
void ck_approach(const float *x, float share, float *average, size_t count);

// --- Scores by distance --------------------------------------------------------------------------------------------

/// The distances between the cells of a grid of queries and one of keys: at most 256 keys along an axis.
typedef struct {
    /// The cells along time, height and width.
    size_t queries[3], keys[3];
    /// The query of the first row.
    size_t first;
    /// For each axis (queries along it, keys along it): which of a query's scores a key gets.
    const int32_t *places[3];
    /// For each axis the floats from one query's scores to the next one's.
    size_t strides[3];
} ck_distances;

/// scores (rows, keys; `stride`) += the scores of each query by distance, that of time plus height plus width.
void ck_relative_forward(const ck_distances *distances, const float *time_scores, const float *height_scores,
                         const float *width_scores, float *scores, size_t stride, size_t rows);

/// Adds to the gradient of each query's scores by distance.
void ck_relative_backward(const ck_distances *distances, const float *dscores, size_t stride, float *dtime,
                          float *dheight, float *dwidth, size_t rows);

// --- Attention of one head -----------------------------------------------------------------------------------------

/// Returns the number of floats of scratch that the two functions below need.
size_t ck_attention_scratch(size_t length, size_t width);

/// Rounds up to whole vectors: the row length of `probabilities` and of their mask.
static inline size_t ck_padded(size_t count) { return (count + 15) / 16 * 16; }

/// out = (mask * scale * softmax(q kᵀ * factor + bias)) v. q, k, v (length, width) with a common `stride`; bias
/// (length), added to each row of scores, may be NULL; probabilities (length, ck_padded(length)) are kept for the
/// gradient; mask has their shape; out (length, width) with `out_stride`.
void ck_attention_forward(const float *q, const float *k, const float *v, size_t stride, const float *bias,
                          const uint8_t *mask, float scale, float factor, float *probabilities, float *out,
                          size_t out_stride, size_t length, size_t width, float *scratch);

/// dq, dk, dv (with `stride`, overwritten) from dout (with `out_stride`).
void ck_attention_backward(const float *q, const float *k, const float *v, size_t stride, const uint8_t *mask,
                           float scale, float factor, const float *probabilities, const float *dout, size_t out_stride,
                           float *dq, float *dk, float *dv, size_t length, size_t width, float *scratch);

// --- Context-query attention ---------------------------------------------------------------------------------------

/// out (rows, 4 * columns) = [v; a; v * a; v * b].
void ck_quadruple_forward(const float *v, const float *a, const float *b, float *out, size_t rows, size_t columns);

/// da, db = (overwritten), dv += the gradients at a, b, v.
void ck_quadruple_backward(const float *v, const float *a, const float *b, const float *dout, float *dv, float *da,
                           float *db, size_t rows, size_t columns);

// --- LSTM ----------------------------------------------------------------------------------------------------------

/// One step of `rows` sequences. gates (rows, 4 * width) holds the sums for i, f, g, o in PyTorch's order and is
/// replaced by their activations; cell = f * previous + i * g; hidden = o * tanh(cell). Strides are between rows.
void ck_lstm_forward(float *gates, size_t gate_stride, const float *previous, size_t previous_stride, float *cell,
                     float *hidden, size_t stride, size_t rows, size_t width);

/// dgates (may be gates) from dhidden and dcell; dcell (rows, width) becomes the gradient at the previous cell.
void ck_lstm_backward(const float *gates, size_t gate_stride, const float *previous, size_t previous_stride,
                      const float *cell, size_t stride, const float *dhidden, float *dcell, float *dgates, size_t rows,
                      size_t width);

// --- Optimizer -----------------------------------------------------------------------------------------------------

/// The sum of squares, in Float64.
double ck_sum_of_squares(const float *x, size_t count);

/// One step of AdamW (Loshchilov & Hutter 2019) as `torch.optim.AdamW` does it: the gradient times `clip`, decay
/// p -= rate * decay * p before the step; `correction1` = 1 - beta1^t, `correction2` = 1 - beta2^t.
void ck_adamw(float *parameters, const float *gradients, float *first, float *second, size_t count, float clip,
              float rate, float beta1, float beta2, float epsilon, float decay, float correction1, float correction2);

/// One step of Adam (Kingma & Ba 2015) as `torch.optim.Adam` does it: the gradient times `clip` plus decay * p is what
/// the means take in; the corrections as above.
void ck_adam(float *parameters, const float *gradients, float *first, float *second, size_t count, float clip,
             float rate, float beta1, float beta2, float epsilon, float decay, float correction1, float correction2);

/// Returns the version that runs here: "avx512", "avx2" or "portable".
const char *ck_instruction_set(void);

// --- OpenBLAS's kernels --------------------------------------------------------------------------------------------

/// Abilities of a processor and its operating system, of those that OpenBLAS's cores are made for.
enum {
    CK_AVX = 1,
    /// AVX2 and FMA.
    CK_AVX2 = 2,
    /// F, BW, CD, DQ and VL.
    CK_AVX512 = 4,
    /// BF16 and VNNI.
    CK_AVX512_BF16 = 8,
    /// Armv8.2 with half precision and dot products.
    CK_ARM_8_2 = 16,
    /// Armv8.4 with SVE.
    CK_ARM_SVE = 32,
    /// Armv8.5 with SVE2, BF16 and I8MM.
    CK_ARM_SVE2 = 64,
};

/// Returns the abilities of this processor: bits of the above.
uint32_t ck_processor_features(void);

/// The cores that OpenBLAS can be told to take, by number from zero; NULL behind the last. None where it was built for one
/// kind of processor.
const char *ck_openblas_core(size_t number);

/// Has OpenBLAS take a core, while no other thread multiplies or looks at the environment. A core that needs more than the
/// processor can do ends the process.
/// Returns whether the core is in force.
int ck_openblas_take(const char *core);

/// Fills x with -3, -1, 1 and 3, the same for the same seed.
void ck_odd_numbers(float *x, size_t count, uint64_t seed);

/// product (n, m) = a (n, k) times b (k, m), without any library.
void ck_plain_product(const float *a, const float *b, float *product, size_t n, size_t m, size_t k);

/// y (rows, columns) with `stride` = the elements of x at these steps, and NaN between the rows.
void ck_spread(const float *x, size_t row_step, size_t column_step, float *y, size_t stride, size_t rows, size_t columns);

/// Tells whether y (n, m) with `stride` is start + factor * product in every bit, with NaN between the rows.
int ck_is_product(const float *y, size_t stride, const float *product, float factor, float start, size_t n, size_t m);

#endif
