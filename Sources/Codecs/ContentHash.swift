// SPDX-License-Identifier: Apache-2.0

import Crypto

/// Names derived from content, so that the same content has the same name on every run and machine.
public enum ContentHash {
    /// SHA-256 in lower-case hexadecimal.
    public static func sha256(_ bytes: Bytes) -> String {
        self.hexadecimal(SHA256.hash(data: bytes))
    }

    /// SHA-256 of text in UTF-8, in lower-case hexadecimal.
    public static func sha256(_ text: String) -> String { self.sha256(Bytes(text.utf8)) }

    /// A UUID of version 5 (RFC 9562, section 5.5) in Millrace's own namespace, lower-case.
    ///
    /// - Parameter name: what is identified; join its parts by a separator that they cannot contain.
    public static func uuid5(_ name: String) -> String {
        var name = name
        return name.withUTF8 { self.uuid5(UnsafeRawBufferPointer($0)) }
    }

    /// A UUID of version 5 for a name in bytes.
    public static func uuid5(_ name: UnsafeRawBufferPointer) -> String {
        var hasher = Insecure.SHA1()
        self.namespace.withUnsafeBytes { hasher.update(bufferPointer: $0) }
        hasher.update(bufferPointer: name)
        return hasher.finalize().withUnsafeBytes { self.uuid5(digest: $0) }
    }

    private static func uuid5(digest: UnsafeRawBufferPointer) -> String {
        String(unsafeUninitializedCapacity: 36) { text in
            var position = 0
            for index in 0..<16 {
                var byte = digest[index]
                if index == 6 { byte = byte & 0x0f | 0x50 }
                if index == 8 { byte = byte & 0x3f | 0x80 }
                if index == 4 || index == 6 || index == 8 || index == 10 {
                    text[position] = UInt8(ascii: "-")
                    position += 1
                }
                text[position] = self.hexDigit(byte >> 4)
                text[position + 1] = self.hexDigit(byte & 15)
                position += 2
            }
            return position
        }
    }

    /// UUIDv5 of "millrace" in the DNS namespace.
    private static let namespace: Bytes = [
        0x57, 0xf8, 0x4e, 0xb3, 0xe4, 0xb0, 0x51, 0x9e, 0x95, 0x34, 0xe3, 0x46, 0x66, 0x8e, 0x73, 0xa4,
    ]

    private static func hexDigit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") - 10 + nibble
    }

    private static let hexDigits = Bytes("0123456789abcdef".utf8)

    private static func hexadecimal(_ digest: some Sequence<UInt8>) -> String {
        var text: Bytes = []
        text.reserveCapacity(64)
        for byte in digest {
            text.append(self.hexDigits[Int(byte >> 4)])
            text.append(self.hexDigits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// SHA-256 of bytes that arrive in pieces.
    public struct Stream {
        private var hasher = SHA256()

        /// Starts with nothing.
        public init() {}

        /// Takes the next bytes.
        public mutating func update(_ bytes: UnsafeRawBufferPointer) { self.hasher.update(bufferPointer: bytes) }

        /// Takes the next bytes.
        public mutating func update(_ bytes: Bytes) { self.hasher.update(data: bytes) }

        /// The digest of all bytes taken, in lower-case hexadecimal.
        public func finish() -> String { ContentHash.hexadecimal(self.hasher.finalize()) }
    }
}
