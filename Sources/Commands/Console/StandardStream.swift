// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Records

/// Standard output and standard error, as the system has them.
enum StandardStream: CInt {
    case output = 1
    case error = 2

    /// Tells whether a person looks at it.
    var isTerminal: Bool { isatty(self.rawValue) == 1 }

    /// Writes bytes, all of them.
    func write(_ bytes: Bytes) throws(OutputFailure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(self.rawValue, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // Another program made the terminal that we share non-blocking.
                var descriptor = pollfd(fd: self.rawValue, events: Int16(POLLOUT), revents: 0)
                poll(&descriptor, 1, -1)
            } else if errno != EINTR {
                throw OutputFailure(number: errno)
            }
        }
    }

    /// Closes it: some file systems tell only now that there is no room.
    func close() throws(OutputFailure) {
        if Foundation.close(self.rawValue) != 0, errno != EINTR { throw OutputFailure(number: errno) }
    }

    /// Takes the numbers of standard streams that the caller has closed, or the next file to be opened would be one.
    static func occupy() {
        for number in CInt(0)...2 where fcntl(number, F_GETFD) < 0 {
            // Opened the wrong way round, so that to use it still fails.
            _ = open("/dev/null", number == 0 ? O_WRONLY : O_RDONLY)
        }
    }
}

/// Standard output could not be written.
struct OutputFailure: Error {
    /// The system's error number.
    let number: CInt

    /// Tells whether the reader has gone, as `| head` does, which is no failure.
    var isReaderGone: Bool { self.number == EPIPE }

    var message: String {
        "cannot write to standard output: \(String(cString: strerror(self.number))); what was printed is not all"
    }
}
