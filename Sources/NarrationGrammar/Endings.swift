// SPDX-License-Identifier: Apache-2.0

extension String {
    /// Tells whether the text ends in some letters of ASCII, byte by byte.
    func ends(in ending: StaticString) -> Bool {
        let count = ending.utf8CodeUnitCount
        guard self.utf8.count >= count else { return false }
        let isEnding = self.utf8.withContiguousStorageIfAvailable { bytes in
            (0..<count).allSatisfy { bytes[bytes.count - count + $0] == ending.utf8Start[$0] }
        }
        return isEnding ?? self.hasSuffix(ending.description)
    }
}
