// SPDX-License-Identifier: Apache-2.0

/// The path and the query of a request, decoded once.
struct RequestTarget: Equatable, Sendable {
    static let maxBytes = 4096
    static let maxPathBytes = 2048
    static let maxParts = 16
    static let maxItems = 16
    static let maxItemBytes = 1024

    let path: [String]
    let query: [String: String]

    init(parsing text: String) throws(Refusal) {
        guard text.utf8.count <= Self.maxBytes else { throw .target }
        let bytes = Array(text.utf8)
        let mark = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.endIndex
        self.path = try Self.path(bytes[..<mark])
        self.query = try Self.query(bytes[mark...].dropFirst())
    }

    private static func path(_ bytes: ArraySlice<UInt8>) throws(Refusal) -> [String] {
        guard bytes.first == UInt8(ascii: "/"), bytes.count <= Self.maxPathBytes else { throw .path }
        if bytes.count == 1 { return [] }
        var parts: [String] = []
        for part in bytes.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard let text = Self.decoded(part, plusIsSpace: false), Self.isPart(text), parts.count < Self.maxParts
            else {
                throw .path
            }
            parts.append(text)
        }
        return parts
    }

    private static func query(_ bytes: ArraySlice<UInt8>) throws(Refusal) -> [String: String] {
        var query: [String: String] = [:]
        let items = bytes.split(separator: UInt8(ascii: "&"))
        guard items.count <= Self.maxItems else { throw .query }
        for item in items {
            let parts = item.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(parts[0], plusIsSpace: true),
                let value = parts.count == 1 ? "" : Self.decoded(parts[1], plusIsSpace: true),
                Self.isItem(name), Self.isItem(value)
            else { throw .query }
            query[name] = value
        }
        return query
    }

    /// Tells whether a part of a path names one thing, and nothing above or beside it.
    private static func isPart(_ text: String) -> Bool {
        !text.isEmpty && text != "." && text != ".." && !text.utf8.contains(UInt8(ascii: "/"))
            && !text.utf8.contains(UInt8(ascii: "\\")) && !text.unicodeScalars.contains(where: Self.isControl)
    }

    private static func isItem(_ text: String) -> Bool {
        text.utf8.count <= Self.maxItemBytes && !text.unicodeScalars.contains(where: Self.isControl)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || 0x7f...0x9f ~= scalar.value
    }

    /// - Returns: nil where an escape is broken, or what it makes is no UTF-8.
    private static func decoded(_ bytes: ArraySlice<UInt8>, plusIsSpace: Bool) -> String? {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            if byte == UInt8(ascii: "%") {
                guard index + 2 < bytes.endIndex, let high = Self.digit(bytes[index + 1]),
                    let low = Self.digit(bytes[index + 2])
                else { return nil }
                decoded.append(high << 4 | low)
                index += 3
            } else {
                // Bytes that belong escaped stay what they are: browsers leave some of them so.
                if byte == UInt8(ascii: "#") { return nil }
                decoded.append(plusIsSpace && byte == UInt8(ascii: "+") ? 0x20 : byte)
                index += 1
            }
        }
        return String(validating: decoded, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}
