// SPDX-License-Identifier: Apache-2.0

extension StringProtocol {
    /// Without white space at both ends.
    ///
    /// Other rooms call this for every text, where it would run unspecialized if its body were not known.
    @inlinable
    public func trimming() -> Substring {
        var text = Substring(self)
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return text
    }
}
