// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    import Glibc
#endif

/// A port of the loopback where nobody listens: connections are refused for as long as this is kept.
///
/// The port of a server that has stopped would not do, since the next socket of any process may be given it. This one
/// is bound by a socket that never listens; a `HostileServer` can still be started on it.
package final class ReservedPort: Sendable {
    package let port: Int
    private let descriptor: Int32

    package struct Failure: Error {
        let code: Int32
    }

    package init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var yes: Int32 = 1
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutableBytes(of: &address) { bytes -> Int32 in
            guard let pointer = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return -1 }
            let reuse = setsockopt(
                descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
            return reuse | bind(descriptor, pointer, length) | getsockname(descriptor, pointer, &length)
        }
        guard code == 0 else {
            let failure = Failure(code: errno)
            close(descriptor)
            throw failure
        }
        self.descriptor = descriptor
        self.port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(self.descriptor) }

    package var url: String { "http://127.0.0.1:\(self.port)" }
}
