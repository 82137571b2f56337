// SPDX-License-Identifier: Apache-2.0

/// Bytes as files, logs and servers carry them.
public typealias Bytes = [UInt8]

extension Bytes {
    /// The same without the mark by which some editors begin a file of UTF-8.
    public var withoutByteOrderMark: Bytes { self.starts(with: [0xef, 0xbb, 0xbf]) ? Bytes(self.dropFirst(3)) : self }
}
