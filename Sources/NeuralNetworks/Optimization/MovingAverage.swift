// SPDX-License-Identifier: Apache-2.0

import CKernels

extension FloatBuffer {
    /// Moves all numbers towards others, by a share of the way: an exponential moving average of decay 1 − share.
    public func approach(_ other: FloatBuffer, share: Float) {
        precondition(other.count == self.count, "as many numbers")
        ck_approach(other.start, share, self.start, self.count)
    }
}
