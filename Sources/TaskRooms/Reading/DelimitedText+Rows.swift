// SPDX-License-Identifier: Apache-2.0

extension DelimitedText {
    /// Checks that the row is as long as the header, and not longer than a record.
    ///
    /// - Throws: `textTooLong`, `wrongFieldCount`.
    public func checkRow() throws(SourceFault) {
        if self.isTooLong {
            throw SourceFault(
                SourceReason.textTooLong, "longer than \(SourceLimits.lineBytesMax >> 20) MiB: shorten it")
        }
        guard self.fieldCount == self.header.count, !self.hasStrayQuote || self.lineCount == 1 else {
            let lines = self.lineCount
            let swallowed = lines > 1 ? " The quote swallows \(lines) lines from here on." : ""
            throw SourceFault(
                SourceReason.wrongFieldCount,
                "\(self.fieldCount) fields where the header has \(self.header.count): is a delimiter or quote inside a "
                    + "field that is not quoted?\(swallowed)")
        }
    }

    /// A field as text.
    ///
    /// - Throws: `invalidUTF8`.
    public func checkedText(_ column: Int) throws(SourceFault) -> String {
        if let text = self.text(column) { return text }
        let name = self.header.indices.contains(column) ? self.header[column] : "a field"
        throw SourceFault(SourceReason.invalidUTF8, "`\(name)` is not UTF-8: write the file as UTF-8")
    }

    /// A problem with the row.
    public func problem(_ fault: SourceFault, key: String?) -> SourceProblem {
        SourceProblem(
            reason: fault.reason, message: "\(self.place): \(fault.message)", key: key, raw: self.raw,
            byteCount: self.rawByteCount)
    }
}
