// SPDX-License-Identifier: Apache-2.0

extension StringProtocol {
    /// Tells whether the text has no letter and no digit: `...` is what a small model copies from a form, and says
    /// nothing.
    var isWordless: Bool {
        !self.unicodeScalars.contains { $0.properties.isAlphabetic || $0.properties.numericType != nil }
    }
}
