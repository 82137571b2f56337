// SPDX-License-Identifier: Apache-2.0

/// A place to listen at: `HOST:PORT`, such as `127.0.0.1:8090`, `[::1]:8090` or `localhost:0`.
public struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
    /// The host without brackets, in lower case.
    public let host: String
    /// The port; 0 stands for one that is free.
    public let port: Int

    /// - Returns: nil where the text has no host, no port, or characters that no host has.
    public init?(parsing text: String) {
        guard let authority = HostName(parsing: text), let port = authority.port else { return nil }
        self.host = authority.host
        self.port = port
    }

    /// Tells whether only this machine reaches it. A name other than `localhost` may stand for anything.
    public var isLoopback: Bool { HostName.isLoopback(self.host) }

    /// As it is written.
    public var description: String { HostName(host: self.host, port: self.port).description }
}

/// A host with or without a port, as a `Host` header has it.
struct HostName: Sendable, Hashable, CustomStringConvertible {
    /// In lower case, without brackets.
    let host: String
    let port: Int?

    init(host: String, port: Int?) {
        self.host = host
        self.port = port
    }

    /// - Returns: nil where it is none: a list, a user, a path, a name of other characters than names have.
    init?(parsing text: String) {
        guard 1...262 ~= text.utf8.count else { return nil }
        let text = text.lowercased()
        let host: Substring
        let rest: Substring
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            rest = text[text.index(after: end)...]
            guard Self.isIPv6(host) else { return nil }
        } else {
            let colon = text.firstIndex(of: ":") ?? text.endIndex
            host = text[..<colon]
            rest = text[colon...]
            guard Self.isName(host) else { return nil }
        }
        self.host = String(host)
        if rest.isEmpty {
            self.port = nil
        } else {
            guard rest.first == ":", let port = Self.port(rest.dropFirst()) else { return nil }
            self.port = port
        }
    }

    var description: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return self.port.map { "\(host):\($0)" } ?? host
    }

    /// Tells whether it is an address in numbers, which no name server has a say in.
    var isLiteral: Bool { self.host.contains(":") || Self.isIPv4(self.host) }

    static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host == "::1" || Self.isIPv4(host) && host.hasPrefix("127.")
    }

    private static func port(_ text: Substring) -> Int? {
        guard 1...5 ~= text.utf8.count, text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
        return UInt16(text).map(Int.init)
    }

    private static func isIPv4(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                part.utf8.count <= 3 && part.utf8.allSatisfy { 0x30...0x39 ~= $0 } && UInt8(part) != nil
            }
    }

    private static func isIPv6(_ text: Substring) -> Bool {
        2...45 ~= text.utf8.count && text.contains(":")
            && text.utf8.allSatisfy { Self.isHexadecimal($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") }
    }

    private static func isName(_ text: Substring) -> Bool {
        1...253 ~= text.utf8.count
            && text.utf8.allSatisfy { byte in
                0x61...0x7a ~= byte || 0x30...0x39 ~= byte || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
                    || byte == UInt8(ascii: "_")
            }
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte || 0x61...0x66 ~= byte }
}
