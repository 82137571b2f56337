// SPDX-License-Identifier: Apache-2.0

import Codecs

/// A secret that a client has to show. It is never said, and kept as its digest alone.
public struct AccessToken: Sendable {
    /// Shortest length, in characters: one that is guessed is worse than none.
    public static let minLength = 16
    /// Longest length, in characters.
    public static let maxLength = 512

    private let digest: [UInt8]

    /// - Parameter text: the token; white space around it is not a part of it.
    /// - Returns: nil where it is too short, too long, or has other characters than visible ASCII.
    public init?(_ text: String) {
        let text = text.trimmingPrefix { $0.isWhitespace }
        var bytes = Array(text.utf8)
        while let last = bytes.last, last == 0x20 || 0x09...0x0d ~= last { bytes.removeLast() }
        guard Self.minLength...Self.maxLength ~= bytes.count, bytes.allSatisfy({ 0x21...0x7e ~= $0 }) else {
            return nil
        }
        self.digest = Self.digest(bytes)
    }

    /// A token that nobody knows.
    static func random() -> (token: AccessToken, text: String)? {
        var generator = SystemRandomNumberGenerator()
        let text = (0..<4).map { _ in
            let digits = String(generator.next(), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
        return AccessToken(text).map { ($0, text) }
    }

    /// Compares in a time that says nothing of either: digests of one length, all of their bytes.
    func equals(_ text: some StringProtocol) -> Bool {
        guard text.utf8.count <= Self.maxLength else { return false }
        let other = Self.digest(Array(text.utf8))
        var difference: UInt8 = 0
        for (left, right) in zip(self.digest, other) { difference |= left ^ right }
        return difference == 0 && self.digest.count == other.count
    }

    private static func digest(_ bytes: [UInt8]) -> [UInt8] { Array(ContentHash.sha256(bytes).utf8) }
}
