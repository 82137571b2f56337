// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The number of files, pipes and connections that the process may have open at a time.
enum DescriptorLimit {
    /// So many leave room to say what is wrong where more are missing. With a handful the event queues of the runtime
    /// end the process without a word.
    static let least: UInt = 64
    /// The limit that is asked for where the user's is lower.
    static let usual: UInt = 1024

    /// Raises the limit as far as the system lets this user.
    /// - Throws: `CommandFailure` where that is too little.
    static func require() throws {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { return }
        if limit.rlim_cur < self.usual, limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = min(self.usual, limit.rlim_max)
            guard setrlimit(resource, &limit) == 0, getrlimit(resource, &limit) == 0 else { return }
        }
        if limit.rlim_cur < self.least {
            throw CommandFailure(
                .failed,
                "this process may have \(limit.rlim_cur) files open at a time, and needs \(self.least): raise the limit with "
                    + "`ulimit -n \(self.usual)`, or where the service is configured")
        }
    }
}
