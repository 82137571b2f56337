// SPDX-License-Identifier: Apache-2.0

extension Double {
    /// The number of at most six decimals that is meant, where this is one but for the rounding errors of a sum or
    /// difference of such numbers; else this.
    public var meantDecimal: Double {
        let rounded = (self * 1e6).rounded() / 1e6
        return abs(self - rounded) < 1e-9 ? rounded : self
    }
}
