// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
public import RecordLog
public import Records
import SharedDatabase
import Synchronization

/// The log in one SQLite file: no server, any number of processes on one machine.
///
/// - Batches of records are rows, compressed with zstd; a commit over any number of topics is one SQL transaction with
///   `synchronous=FULL`, durable on return. Commits of all processes are serialised by SQLite's write lock, reads run
///   beside them on consistent snapshots (WAL mode).
/// - Offsets are dense, except for what `deleteRecords` and retention take from the front.
/// - Beside the file `PATH` lie SQLite's `PATH-wal` and `PATH-shm`, and the folder `PATH-members` with one lock file a
///   live group member: the kernel releases the lock when the member's process ends, however it ends, and its
///   partitions move at once.
/// - The file does not shrink; what retention frees is used again.
/// - Readers, writers and members keep the file open as long as they exist, or until `close`.
/// - Keep the file on a local file system: SQLite's WAL mode does not work over a network.
public final class EmbeddedLog: RecordLog {
    /// Options for opening a log.
    public struct Options: Sendable {
        /// Opens for reading only: `status` works on a home that may not be written. Writing calls throw `.readOnly`.
        public var readOnly = false
        /// Time a call waits for the write lock before it throws `.unavailable`.
        public var busyTimeoutMilliseconds = 10_000
        /// SQLite's page size, fixed when the file is created: a power of two from 512 to 65,536.
        public var pageBytes = 8192
        /// The size of the WAL, in bytes, at which a commit copies it into the file.
        public var checkpointBytes = 8 << 20
        /// The size to which the WAL is cut back once it has been copied.
        public var walBytesMax = 64 << 20
        /// The largest size of the file, in bytes; commits beyond it throw `.storageFull`. `nil` is without limit.
        public var fileBytesMax: Int?
        /// The clock that stamps records, in milliseconds since 1970.
        public var now: @Sendable () -> Timestamp = Options.systemNow
        /// The clock that times the sessions of group members, in milliseconds since any moment that all processes on
        /// this machine share.
        public var monotonicNow: @Sendable () -> Int64 = Options.systemMonotonicNow

        /// The defaults.
        public init() {}

        var database: DatabaseOptions {
            var options = DatabaseOptions()
            options.readOnly = self.readOnly
            options.busyTimeoutMilliseconds = self.busyTimeoutMilliseconds
            options.checkpointBytes = self.checkpointBytes
            options.walBytesMax = self.walBytesMax
            options.fileBytesMax = self.fileBytesMax
            return options
        }

        private static let systemNow: @Sendable () -> Timestamp = {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
        }

        /// Time since the machine started, not counting sleep: a machine that wakes up has no expired sessions.
        private static let systemMonotonicNow: @Sendable () -> Int64 = {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
        }
    }

    let storage: LogStorage
    private let members = Mutex<[WeakMember]>([])

    private struct WeakMember: Sendable {
        weak var member: EmbeddedGroupMember?
    }

    /// Opens a log, creating the file and its folder where they are not there yet (unless `options.readOnly`).
    ///
    /// - Throws: `.versionTooNew` where a newer program wrote the file, `.corrupt` where it is something else,
    ///   `.readOnly` where it may only be read, `.failed` where it cannot be opened.
    public init(path: String, options: Options = Options()) throws(LogError) {
        let sizes = [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536]
        guard sizes.contains(options.pageBytes) else {
            throw LogError(.invalidArgument, "a page of \(options.pageBytes) bytes: SQLite takes \(sizes)")
        }
        self.storage = try LogStorage(path: path, options: options)
    }

    /// The path of the SQLite file.
    public var path: String { self.storage.path }

    /// A reader of one partition outside any group.
    public func makeReader(of partition: TopicPartition, from offset: Offset) throws(LogError) -> any PartitionReader {
        let topic = try self.storage.currentTopic(partition.topic)
        return try EmbeddedReader(
            storage: self.storage, partition: partition, id: topic.id(ofPartition: partition.partition), from: offset)
    }

    /// A writer with an id; fences earlier ones.
    public func makeWriter(id: String) throws(LogError) -> any TransactionalWriter {
        guard !id.isEmpty else { throw LogError(.invalidArgument, "a writer needs an id that is not empty") }
        return try EmbeddedWriter(storage: self.storage, id: id)
    }

    /// The state that a writer's id has left; fences nobody.
    public func state(ofWriter id: String) throws(LogError) -> [StateEntry] {
        try EmbeddedWriter.state(of: id, in: self.storage)
    }

    /// Joins a consumer group.
    public func join(_ configuration: GroupConfiguration) throws(LogError) -> any GroupMember {
        let member = try EmbeddedGroupMember(storage: self.storage, configuration: configuration)
        self.members.withLock { members in
            members.removeAll { $0.member == nil }
            members.append(WeakMember(member: member))
        }
        return member
    }

    /// Returns when something may have been appended or a time has passed.
    public func awaitAppend(timeoutMilliseconds: Int) {
        self.storage.monitor.wait(ChangeMonitor.callingThread, timeoutMilliseconds: timeoutMilliseconds)
    }

    /// Releases the file and the locks of this log's group members, as the end of the process would.
    public func close() {
        let members = self.members.withLock { members in
            defer { members = [] }
            return members
        }
        for member in members { member.member?.abandon() }
        self.storage.close()
    }
}
