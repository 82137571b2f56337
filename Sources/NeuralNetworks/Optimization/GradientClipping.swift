// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Clipping by the norm of all gradients together: `torch.nn.utils.clip_grad_norm_`.
public enum GradientClipping {
    /// The norm of all gradients, and what to multiply them by so that it is at most `normMax`.
    public static func measure(_ gradients: FloatBuffer, normMax: Float) -> (norm: Float, clip: Float) {
        let norm = Float(ck_sum_of_squares(gradients.start, gradients.count).squareRoot())
        return (norm, min(1, normMax / (norm + 1e-6)))
    }
}
