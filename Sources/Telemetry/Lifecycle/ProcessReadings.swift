// SPDX-License-Identifier: Apache-2.0

import Foundation
public import Records

/// Facts that the system knows about this process.
public struct ProcessReadings: Hashable, Sendable {
    /// Processor time, user and system, in seconds.
    public var cpuSeconds = 0.0
    /// Memory held in RAM, in bytes.
    public var residentBytes = 0
    /// Address space, in bytes.
    public var virtualBytes = 0
    /// Open file descriptors.
    public var descriptors = 0
    /// File descriptors that may be open.
    public var descriptorsMax = 0
    /// Threads.
    public var threads = 0

    /// Asks the system; what it does not tell stays 0.
    public static var now: ProcessReadings {
        var readings = ProcessReadings()
        var usage = rusage()
        if getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
            readings.cpuSeconds = Self.seconds(usage.ru_utime) + Self.seconds(usage.ru_stime)
        }
        if let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) {
            let pages = text.split(separator: " ").prefix(2).compactMap { Int($0) }
            let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))
            if pages.count == 2 {
                readings.virtualBytes = pages[0] * pageBytes
                readings.residentBytes = pages[1] * pageBytes
            }
        }
        readings.descriptors = Self.entries("/proc/self/fd")
        readings.threads = Self.entries("/proc/self/task")
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            readings.descriptorsMax = Int(clamping: limit.rlim_cur)
        }
        return readings
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

    private static func entries(_ folder: String) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: folder).count) ?? 0
    }

    /// The time by the system's clock, which other processes know: milliseconds since 1970.
    public static var systemTime: Timestamp {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Timestamp(now.tv_sec) * 1000 + Timestamp(now.tv_nsec) / 1_000_000
    }

    /// The start of this process, in milliseconds since 1970, as the system has it; the time of the first asking where
    /// it does not tell.
    public static let start: Timestamp = {
        let now = Self.systemTime
        guard let text = try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8),
            let uptime = try? String(contentsOfFile: "/proc/uptime", encoding: .utf8),
            let up = uptime.split(separator: " ").first.flatMap({ Double($0) }),
            // Behind the name, which may hold anything but is in brackets.
            let rest = text.split(separator: ")").last
        else { return now }
        let fields = rest.split(separator: " ")
        guard fields.count > 19, let ticks = Double(fields[19]) else { return now }
        let age = up - ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
        return now - Timestamp(max(0, age) * 1000)
    }()

    /// The number of this process.
    public static var processIdentifier: Int32 { getpid() }

    /// The host's name, without asking the network.
    public static let host: String = {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        let name = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return name.isEmpty ? "localhost" : name
    }()

    /// The room on a file system: free for ordinary users, and in all; `nil` where the path is not there.
    public static func room(at path: String) -> (free: Int, size: Int)? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        let block = Int(clamping: status.f_frsize)
        let free = Int(clamping: status.f_bavail).multipliedReportingOverflow(by: block)
        let size = Int(clamping: status.f_blocks).multipliedReportingOverflow(by: block)
        return free.overflow || size.overflow ? nil : (free.partialValue, size.partialValue)
    }
}
