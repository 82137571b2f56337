// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Messages to the service manager that started this process, systemd for one, over the socket that it names.
public struct ServiceNotice: Sendable {
    /// A message.
    public enum Message: String, Sendable {
        /// The service is up.
        case ready = "READY=1"
        /// The service is about to end.
        case stopping = "STOPPING=1"
        /// The control loop moves.
        case watchdog = "WATCHDOG=1"
    }

    private let address: sockaddr_un
    private let length: socklen_t
    /// The time within which the manager wants to hear of the loop, in seconds; `nil` where it does not ask.
    public let watchdogSeconds: Double?

    /// Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`; `nil` where no manager listens, or the name is none
    /// that a socket may have.
    public init?(environment: [String: String]) {
        guard let name = environment["NOTIFY_SOCKET"], name.hasPrefix("/") || name.hasPrefix("@") else { return nil }
        var bytes = Array(name.utf8)
        // An abstract name: it begins with a zero byte, and ends where its length says.
        let isAbstract = bytes[0] == UInt8(ascii: "@")
        if isAbstract { bytes[0] = 0 }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard bytes.count > 1, bytes.count < room else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let start = MemoryLayout.size(ofValue: address) - room
        self.address = address
        self.length = socklen_t(start + bytes.count + (isAbstract ? 0 : 1))
        let isOurs = environment["WATCHDOG_PID"].map { Int32($0) == getpid() } ?? true
        let microseconds = environment["WATCHDOG_USEC"].flatMap { Double($0) }
        self.watchdogSeconds = isOurs ? microseconds.flatMap { $0 > 0 && $0 < 1e15 ? $0 / 1e6 : nil } : nil
    }

    /// Sends messages; never waits.
    /// - Returns: whether the manager's socket took them.
    @discardableResult
    public func send(_ messages: Message...) -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let bytes = Array(messages.map(\.rawValue).joined(separator: "\n").utf8)
        var address = self.address
        let sent = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
                return sendto(descriptor, bytes, bytes.count, flags, $0, self.length)
            }
        }
        return sent == bytes.count
    }
}
