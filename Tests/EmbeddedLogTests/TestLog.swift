// SPDX-License-Identifier: Apache-2.0

import EmbeddedLog
import Foundation
import RecordLog
import RecordLogTesting
import Records
import Synchronization

/// A folder that is removed with the test.
final class TemporaryFolder {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "embeddedlog-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        self.path = url.path
    }

    var log: String { self.path + "/log.sqlite" }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }
}

/// A clock that moves when told to.
final class TestClock: Sendable {
    private let time = Mutex<Timestamp>(1_750_000_000_000)

    var now: Timestamp {
        get { self.time.withLock { $0 } }
        set { self.time.withLock { $0 = newValue } }
    }

    func advance(_ milliseconds: Int) { self.time.withLock { $0 += Timestamp(milliseconds) } }
}

/// The log in a file of its own.
final class EmbeddedHarness: RecordLogHarness {
    let features: Set<ConformanceFeature> = [.retentionOnDemand, .durability, .controlledClock, .silentDeath]
    let sessionTimeoutMilliseconds = 10_000
    private let folder: TemporaryFolder
    private let clock = TestClock()

    init() throws { self.folder = try TemporaryFolder() }

    func open() throws -> any RecordLog {
        var options = EmbeddedLog.Options()
        options.now = { [clock] in clock.now }
        options.monotonicNow = { [clock] in clock.now }
        return try EmbeddedLog(path: self.folder.log, options: options)
    }

    func now() -> Timestamp { self.clock.now }

    func elapse(milliseconds: Int) { self.clock.advance(milliseconds) }
}

/// The log in memory.
final class MemoryHarness: RecordLogHarness {
    let features: Set<ConformanceFeature>
    let sessionTimeoutMilliseconds = 10_000
    private let clock = TestClock()
    private let storage: MemoryLog.Storage

    init(hasOffsetGaps: Bool) {
        let features: Set<ConformanceFeature> = [.retentionOnDemand, .durability, .controlledClock, .silentDeath]
        self.features = hasOffsetGaps ? features.union([.offsetGaps]) : features
        self.storage = MemoryLog.Storage(hasOffsetGaps: hasOffsetGaps) { [clock] in clock.now }
    }

    func open() throws -> any RecordLog { MemoryLog(storage: self.storage) }

    func now() -> Timestamp { self.clock.now }

    func elapse(milliseconds: Int) { self.clock.advance(milliseconds) }
}
