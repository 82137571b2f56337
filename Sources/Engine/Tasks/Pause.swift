// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    internal import Glibc
#endif

/// Sleeps on the caller's thread.
enum Pause {
    static func milliseconds(_ count: Int) { usleep(UInt32(count) * 1000) }
}
