// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A client that sends the bytes it is told, and reads with a limit.
public final class RawClient {
    /// The reason why a test did not get what it waited for.
    public struct Failure: Error {
        /// The wait, and what had come.
        public let what: String
    }

    private let socket: Int32
    private var unread: [UInt8] = []
    /// Tells whether the server has ended the connection.
    public private(set) var hasEnded = false

    /// Connects to a port of the loopback.
    /// - Parameter receiveBuffer: bytes that the system takes for a client that does not read; nil for its default.
    public init(port: Int, receiveBuffer: Int32? = nil) throws {
        self.socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var receiveBuffer {
            setsockopt(self.socket, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, 4)
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                connect(self.socket, pointer, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(what: "connect: \(errno)") }
    }

    deinit { close(self.socket) }

    /// Sends bytes; nothing is said where the server has closed.
    public func send(_ bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(self.socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return }
            sent += count
        }
    }

    /// Sends text.
    public func send(_ text: String) { self.send(text.utf8) }

    /// Says that nothing more comes.
    public func endSending() { shutdown(self.socket, Int32(SHUT_WR)) }

    /// Reads what there is, after waiting for it.
    /// - Returns: false where nothing came in time, or the server has ended.
    private func fill(seconds: Double) -> Bool {
        if self.hasEnded { return false }
        var poll = pollfd(fd: self.socket, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&poll, 1, Int32(seconds * 1000)) > 0 else { return false }
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(self.socket, &chunk, chunk.count, 0)
        guard count > 0 else {
            self.hasEnded = true
            return false
        }
        self.unread += chunk[..<count]
        return true
    }

    /// Everything until the server ends the connection.
    public func readAll(seconds: Double = 60) throws -> [UInt8] {
        while self.fill(seconds: seconds) {}
        guard self.hasEnded else { throw Failure(what: "no end within \(seconds) s") }
        defer { self.unread = [] }
        return self.unread
    }

    /// Text up to and with an end.
    public func read(until end: String, seconds: Double = 60) throws -> String {
        let end = Array(end.utf8)
        var seen = 0
        while true {
            if let range = self.unread[seen...].firstRange(of: end) {
                defer { self.unread.removeSubrange(..<range.upperBound) }
                return String(decoding: self.unread[..<range.upperBound], as: UTF8.self)
            }
            seen = max(0, self.unread.count - end.count)
            guard self.fill(seconds: seconds) else {
                throw Failure(
                    what: "\(self.hasEnded ? "ended" : "silent") before \(String(decoding: end, as: UTF8.self)): "
                        + String(decoding: self.unread, as: UTF8.self))
            }
        }
    }

    /// So many bytes.
    public func read(count: Int, seconds: Double = 60) throws -> [UInt8] {
        while self.unread.count < count {
            guard self.fill(seconds: seconds) else { throw Failure(what: "\(self.unread.count) of \(count) bytes") }
        }
        defer { self.unread.removeFirst(count) }
        return Array(self.unread[..<count])
    }

    /// One answer, with the body that its length or its end tells.
    public func response(toHead: Bool = false, seconds: Double = 60) throws -> RawResponse {
        var response = try RawResponse(head: self.read(until: "\r\n\r\n", seconds: seconds))
        if toHead { return response }
        if response["transfer-encoding"] == "chunked" {
            while true {
                let line = try self.read(until: "\r\n", seconds: seconds).dropLast()
                guard let count = Int(line, radix: 16) else { throw Failure(what: "chunk of “\(line)”") }
                response.body += try self.read(count: count, seconds: seconds)
                _ = try self.read(until: "\r\n", seconds: seconds)
                if count == 0 { return response }
            }
        }
        guard let length = response["content-length"].flatMap({ Int($0) }) else {
            throw Failure(what: "an answer without a length: \(response)")
        }
        response.body = try self.read(count: length, seconds: seconds)
        return response
    }
}

/// An answer as it came.
public struct RawResponse {
    /// The status.
    public let status: Int
    /// The headers, their names in lower case.
    public let fields: [(name: String, value: String)]
    /// The body.
    public var body: [UInt8] = []

    /// The body as text.
    public var text: String { String(decoding: self.body, as: UTF8.self) }

    /// Reads a head.
    public init(head: String) throws {
        var lines = head.split(separator: "\r\n")
        guard let first = lines.first, first.hasPrefix("HTTP/1.1 "), let status = Int(first.dropFirst(9).prefix(3))
        else {
            throw RawClient.Failure(what: "no head of an answer: \(head)")
        }
        lines.removeFirst()
        self.status = status
        self.fields = lines.map { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            return (parts[0].lowercased(), String(parts.count < 2 ? "" : parts[1].drop { $0 == " " }))
        }
    }

    /// The first header of a name.
    public subscript(name: String) -> String? { self.fields.first { $0.name == name }?.value }
}
