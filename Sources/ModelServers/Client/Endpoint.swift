// SPDX-License-Identifier: Apache-2.0

/// A fault in the description of a model server, and what to do about it.
public struct EndpointError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The fault and its remedy.
    public var message: String
    /// Equals `message`.
    public var description: String { self.message }

    init(_ message: String) { self.message = message }
}

/// The address of a model server.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// Tells whether the connection is by TLS.
    public let isSecure: Bool
    /// The host's name or address, without brackets.
    public let host: String
    /// The port.
    public let port: Int
    /// The path that API calls start with, without a slash at its end: `/v1`.
    let apiPath: String
    /// The path that health and metrics start with: the same without a last `/v1`.
    let rootPath: String

    /// Reads a base URL: `http://host:8000`, `http://host:8000/`, `https://api.example.com/v1`, with a slash at the end
    /// or without. Where there is no path, `/v1` is meant.
    /// - Throws: `EndpointError` if it is no such URL, or if it holds a password.
    public init(_ url: String) throws(EndpointError) {
        let parts = try URLParts(url, what: "the base URL")
        guard parts.scheme == "http" || parts.scheme == "https" else {
            throw EndpointError("the base URL `\(parts.redacted)` must start with http:// or https://")
        }
        if parts.user != nil {
            throw EndpointError(
                "the base URL `\(parts.redacted)` holds a user or password: give the key by the environment instead")
        }
        if parts.path.contains("?") || parts.path.contains("#") {
            throw EndpointError("the base URL `\(parts.redacted)` has a query or a fragment: leave it out")
        }
        var path = Substring(parts.path)
        while path.hasSuffix("/") { path.removeLast() }
        if path.hasSuffix("/chat/completions") { path.removeLast("/chat/completions".count) }
        self.isSecure = parts.scheme == "https"
        self.host = parts.host
        self.port = parts.port ?? (self.isSecure ? 443 : 80)
        self.apiPath = path.isEmpty ? "/v1" : String(path)
        self.rootPath = path.hasSuffix("/v1") ? String(path.dropLast(3)) : String(path)
    }

    private var origin: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return "\(self.isSecure ? "https" : "http")://\(host):\(self.port)"
    }

    /// The URL of an API call: `/chat/completions`.
    func api(_ path: String) -> String { self.origin + self.apiPath + path }

    /// The URL of something beside the API: `/health`.
    func root(_ path: String) -> String { self.origin + self.rootPath + path }

    /// The base URL, spelled in full.
    public var description: String { self.origin + self.apiPath }
}

/// The parts of a URL, as far as base URLs and proxies need them.
struct URLParts {
    let scheme: String
    let user: String?
    let password: String?
    let host: String
    let port: Int?
    let path: String

    init(_ url: String, what: String) throws(EndpointError) {
        let trimmed = url.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed()
        let text = String(trimmed)
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && !Self.excluded.contains($0) }) else {
            throw EndpointError("\(what) has a character that a URL cannot have: write such as %20")
        }
        guard let colon = text.firstRange(of: "://") else {
            throw EndpointError("\(what) is not a URL: write it like http://127.0.0.1:8080")
        }
        self.scheme = text[..<colon.lowerBound].lowercased()
        let rest = text[colon.upperBound...]
        let authorityEnd = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        var authority = rest[..<authorityEnd]
        self.path = String(rest[authorityEnd...])
        if let at = authority.lastIndex(of: "@") {
            let parts = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            self.user = Self.decode(parts.first ?? "")
            self.password = parts.count > 1 ? Self.decode(parts[1]) : nil
            authority = authority[authority.index(after: at)...]
        } else {
            self.user = nil
            self.password = nil
        }
        var portText: Substring?
        if authority.hasPrefix("["), let close = authority.firstIndex(of: "]") {
            self.host = String(authority[authority.index(after: authority.startIndex)..<close])
            let tail = authority[authority.index(after: close)...]
            portText = tail.hasPrefix(":") ? tail.dropFirst() : nil
        } else {
            let parts = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            self.host = String(parts.first ?? "")
            portText = parts.count > 1 ? parts[1] : nil
        }
        if portText?.isEmpty == true { portText = nil }
        if let portText {
            guard let port = Int(portText), 1...65535 ~= port else {
                throw EndpointError("\(what) has the port `\(portText)`: it must be 1 to 65535")
            }
            self.port = port
        } else {
            self.port = nil
        }
        if self.host.isEmpty { throw EndpointError("\(what) names no host") }
    }

    /// Characters that are printable and yet have no place in a URL (RFC 3986, appendix A).
    private static let excluded = Array(#""<>\^`{|}"#.utf8)

    /// The URL without user and password, for messages.
    var redacted: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return "\(self.scheme)://\(host)\(self.port.map { ":\($0)" } ?? "")\(self.path)"
    }

    /// Takes `%40` and its like back to what they stand for.
    private static func decode(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
