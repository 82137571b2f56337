// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    import Glibc
#endif

/// A key of an object, compared in place.
public struct JSONKey {
    // Borrowed from the text that the scanner scans, and valid as long as that is.
    let raw: UnsafeBufferPointer<UInt8>
    let unescaped: String?

    /// The key as text.
    public var text: String { self.unescaped ?? String(decoding: self.raw, as: UTF8.self) }

    /// Compares a key with a given name.
    public static func == (key: JSONKey, name: StaticString) -> Bool {
        if let unescaped = key.unescaped { return unescaped == name.description }
        return key.raw.count == name.utf8CodeUnitCount
            && (key.raw.baseAddress.map { memcmp($0, name.utf8Start, key.raw.count) == 0 } ?? true)
    }
}
