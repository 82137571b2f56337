// SPDX-License-Identifier: Apache-2.0

import Codecs
public import RecordLog
public import Records

/// The steps of publishing a shard at which a test may stop the world.
public enum PublishStep: Hashable, Sendable, CaseIterable {
    /// The temporary file is durable.
    case temporarySynchronized
    /// It has its final name; the commit is still to come.
    case renamed
    /// The name is durable.
    case folderSynchronized
}

/// Settings of a task's shards.
public struct ShardSinkOptions: Sendable {
    /// The common name of the shards.
    public var name: String
    /// The task's partition.
    public var partition: Int
    /// The task's epoch, which fences.
    public var epoch: Int64
    /// The sequence number of the next shard: `Manifest.nextSequence`.
    public var nextSequence: Int
    /// Limits at which a shard is closed.
    public var limits: RotationLimits
    /// zstd's compression level.
    public var level: Int
    /// The hash of the topology, for the manifest.
    public var topologyHash: String
    /// The size of content at which a frame ends.
    public var frameBytes: Int
    /// Knowledge of the samples' fields.
    public var schema: LineSchema

    /// Describes a sink.
    public init(
        name: String, partition: Int, epoch: Int64, nextSequence: Int, limits: RotationLimits = RotationLimits(),
        level: Int = 3, topologyHash: String, frameBytes: Int = ShardWriter.frameBytesDefault,
        schema: LineSchema = .any
    ) {
        self.name = name
        self.partition = partition
        self.epoch = epoch
        self.nextSequence = nextSequence
        self.limits = limits
        self.level = level
        self.topologyHash = topologyHash
        self.frameBytes = frameBytes
        self.schema = schema
    }
}

/// Writes one task's samples into shards and publishes them with the task's commits.
///
/// A shard is written under a temporary name from its first sample on. `prepare` completes it, makes it durable,
/// renames it, makes the name durable and answers its manifest record. After an error the sink takes nothing more
/// until `abandon`; then the samples are written again. An error about a sample itself (`refusal`) is the exception:
/// it leaves the sink as it was, without any sample of that call.
///
/// `@unchecked`: it is the contract of `RecordSink` that one thread uses a sink at a time, and the task that hands it
/// from one to another synchronises to do so; nothing of a sink's state is shared with anything else.
public final class ShardSink: RecordSink, @unchecked Sendable {
    private enum Phase {
        case closed
        case open(Shard)
        case prepared(ManifestEntry)
        case failed(ShardError, Shard)
    }

    /// Reads the names of all files that the manifest lists; every commit that has taken place must be seen.
    public typealias CommittedFiles = () throws(ShardError) -> Set<String>

    /// The shard that is being written.
    private final class Shard {
        let name: ShardName
        let file: any ShardFile
        let firstOffset: Offset
        var lastOffset: Offset
        var isRenamed = false

        init(name: ShardName, file: any ShardFile, firstOffset: Offset) {
            self.name = name
            self.file = file
            self.firstOffset = firstOffset
            self.lastOffset = firstOffset
        }
    }

    private let storage: any ShardStorage
    private let options: ShardSinkOptions
    private let writer: ShardWriter
    private let committedFiles: CommittedFiles?
    private let manifestFile: ManifestFile?
    private var phase = Phase.closed
    private var nextSequence: Int
    private var policy: RotationPolicy
    /// The guide as the last commit left it, and as it is now.
    private var committedGuide: ReplayGuide?
    private var guide: ReplayGuide?
    private var toldOfParting = false
    /// Names of files that were published and then abandoned before their commit, or in the midst of it.
    private var forgotten: Set<String> = []

    /// Is told of each step of publishing.
    public var onPublishStep: ((PublishStep) -> Void)?

    /// Says what a file is that has the name of the next shard, and what to do about it; the file itself is not
    /// touched.
    public var onNameTaken: ((String) -> String)?

    /// Is told once why a replay no longer follows its original.
    public var onParting: ((ReplayGuide.Parting) -> Void)?

    /// Creates a sink.
    /// - Parameters:
    ///   - guide: the original's shards, for a replay.
    ///   - manifestFile: the file that lists the shards beside them; each commit is added to it.
    ///   - committedFiles: what `removeLeftovers` keeps; without it, leftovers are left to the next owner's sweep.
    /// - Throws: `ShardError.Code.invalidOption`.
    public init(
        storage: any ShardStorage, options: ShardSinkOptions, guide: ReplayGuide? = nil,
        manifestFile: ManifestFile? = nil, committedFiles: CommittedFiles? = nil
    ) throws(ShardError) {
        guard ShardName.isValid(name: options.name) else {
            throw ShardError(
                .invalidOption,
                "\"\(options.name)\" cannot name shards; use up to 200 letters, digits, '.', '_' and '-', no dot first")
        }
        guard options.partition >= 0, options.epoch >= 0, options.nextSequence >= 0 else {
            throw ShardError(.invalidOption, "a shard's partition, epoch and sequence must not be negative")
        }
        if let problem = options.limits.problem { throw ShardError(.invalidOption, problem) }
        self.storage = storage
        self.options = options
        self.committedFiles = committedFiles
        self.manifestFile = manifestFile
        self.writer = try ShardWriter(
            level: options.level, frameBytes: options.frameBytes, schema: options.schema)
        self.nextSequence = options.nextSequence
        self.policy = RotationPolicy(limits: options.limits)
        self.committedGuide = guide
        self.guide = guide
    }

    /// See `RecordSink`.
    public var isOpen: Bool {
        if case .closed = self.phase { false } else { true }
    }

    /// The samples in the open shard, for `status`.
    public var openSamples: Int { self.policy.samples }

    /// Returns the reason why a record cannot be a sample, if so: for a task that makes it a dead letter beforehand.
    public static func refusal(of records: RecordBatch, at index: Int) -> String? {
        guard let range = records.valueRange(at: index) else { return "is a tombstone" }
        return records.storage.withUnsafeBufferPointer {
            ShardWriter.refusal(of: UnsafeBufferPointer(rebasing: $0[range]))
        }
    }

    // MARK: Writing

    /// See `RecordSink`.
    public func append(_ records: RecordBatch, origin: Offset) throws(SinkError) {
        if records.isEmpty { return }
        for index in 0..<records.count {
            if let refusal = Self.refusal(of: records, at: index) {
                throw SinkError(
                    "the sample from offset \(origin) \(refusal); each must be one line of JSON, its step is at fault")
            }
        }
        do throws(ShardError) {
            let shard = try self.openShard(origin: origin)
            do throws(ShardError) {
                try self.write(records)
                shard.lastOffset = origin
            } catch {
                self.phase = .failed(error, shard)
                throw error
            }
        } catch {
            throw error.sinkError
        }
    }

    private func openShard(origin: Offset) throws(ShardError) -> Shard {
        switch self.phase {
        case .open(let shard): return shard
        case .failed(let error, _): throw error
        case .prepared(let entry):
            throw ShardError(.failed, "\(entry.file) is prepared; commit or abandon it before appending")
        case .closed: break
        }
        let name = ShardName(
            name: self.options.name, partition: self.options.partition, sequence: self.nextSequence,
            epoch: self.options.epoch)
        // The name holds the epoch, which is this sink's own: what is there was left by `abandon` on a bad day.
        try self.storage.remove(name.temporaryFile)
        let shard = Shard(name: name, file: try self.storage.create(name.temporaryFile), firstOffset: origin)
        self.writer.begin(shard.file)
        self.phase = .open(shard)
        return shard
    }

    private func write(_ records: RecordBatch) throws(ShardError) {
        let bytesBefore = self.writer.uncompressedBytes
        let writer = self.writer
        try records.storage.withUnsafeBufferPointer { storage throws(ShardError) in
            for index in 0..<records.count {
                guard let range = records.valueRange(at: index) else { continue }
                try writer.append(checked: UnsafeBufferPointer(rebasing: storage[range]))
            }
        }
        self.policy.added(samples: records.count, uncompressedBytes: writer.uncompressedBytes - bytesBefore)
    }

    /// See `RecordSink`. The seconds of a shard count from the first time that this is asked with a sample in it.
    public func rotationDue(now: Timestamp) -> RotationReason? {
        guard case .open = self.phase else { return nil }
        let writer = self.writer
        switch self.guide?.decide(samples: self.policy.samples, last: writer.last) {
        case .keep: return nil
        case .rotate: return .replay
        case .part:
            self.tellOfParting()
            return self.policy.due(now: now)
        case nil: return self.policy.due(now: now)
        }
    }

    /// See `RecordSink`. A replay that follows its original has none.
    public var deadline: Timestamp? {
        guard case .open = self.phase, self.guide == nil || self.guide?.parting != nil else { return nil }
        return self.policy.deadline
    }

    private func tellOfParting() {
        guard let parting = self.guide?.parting, !self.toldOfParting else { return }
        self.toldOfParting = true
        self.onParting?(parting)
    }

    // MARK: Publishing

    /// See `RecordSink`. Asked again before the commit, it answers the same.
    public func prepare(_ reason: RotationReason) throws(SinkError) -> [Transaction.Output] {
        switch self.phase {
        case .closed: return []
        case .prepared(let entry): return [self.announcement(entry)]
        case .failed(let error, _): throw error.sinkError
        case .open(let shard):
            do throws(ShardError) {
                let entry = try self.publish(shard, reason)
                self.phase = .prepared(entry)
                return [self.announcement(entry)]
            } catch {
                self.phase = .failed(error, shard)
                throw error.sinkError
            }
        }
    }

    private func publish(_ shard: Shard, _ reason: RotationReason) throws(ShardError) -> ManifestEntry {
        let summary = try self.writer.finish()
        try shard.file.synchronize()
        try shard.file.close()
        self.onPublishStep?(.temporarySynchronized)
        let file = shard.name.file
        // A file of this name can only be one that this sink forgot, or no sink's at all.
        do throws(ShardError) {
            try self.storage.rename(shard.name.temporaryFile, to: file, replacing: self.forgotten.contains(file))
        } catch  where error.code == .nameTaken {
            throw ShardError(.nameTaken, self.onNameTaken.map { "\(error.message); \($0(file))" } ?? error.message)
        }
        shard.isRenamed = true
        self.onPublishStep?(.renamed)
        try self.storage.synchronizeFolder()
        self.onPublishStep?(.folderSynchronized)
        return ManifestEntry(
            file: file, partition: shard.name.partition, sequence: shard.name.sequence, epoch: shard.name.epoch,
            bytes: summary.bytes, uncompressedBytes: summary.uncompressedBytes, samples: summary.samples,
            frames: summary.frames, sha256: summary.sha256, last: summary.last, reason: reason,
            topologyHash: self.options.topologyHash, zstdVersion: Zstandard.version, level: self.options.level,
            firstOffset: shard.firstOffset, lastOffset: shard.lastOffset)
    }

    private func announcement(_ entry: ManifestEntry) -> Transaction.Output {
        Transaction.Output(
            topic: Manifest.topic(self.options.name), partition: 0, records: RecordBatch([entry.record]))
    }

    /// See `RecordSink`.
    public func committed() {
        guard case .prepared(let entry) = self.phase else { return }
        self.manifestFile?.append(entry)
        self.nextSequence = entry.sequence + 1
        self.forgotten.remove(entry.file)
        self.guide?.advance(samples: entry.samples, last: entry.last)
        self.tellOfParting()
        self.committedGuide = self.guide
        self.policy.closed()
        self.phase = .closed
    }

    /// See `RecordSink`. An open shard's file is removed. A prepared one is left where it is, unlisted, for
    /// `removeLeftovers` or the next owner's sweep: should the commit have reached the log after all, its file must be
    /// there.
    public func abandon() {
        switch self.phase {
        case .closed: return
        case .open(let shard), .failed(_, let shard):
            try? shard.file.close()
            if shard.isRenamed {
                self.forgotten.insert(shard.name.file)
            } else {
                // A file that cannot be removed now is removed when the name is used again, or swept.
                try? self.storage.remove(shard.name.temporaryFile)
            }
        case .prepared(let entry): self.forgotten.insert(entry.file)
        }
        self.guide = self.committedGuide
        self.policy.closed()
        self.phase = .closed
    }

    /// See `RecordSink`.
    public var mayHaveLeftovers: Bool { !self.forgotten.isEmpty }

    /// See `RecordSink`. Sweeps as the later owner did, with this sink's own epoch among the fenced ones. Where the
    /// manifest cannot be read, everything stays for the next owner.
    public func removeLeftovers() {
        guard let committedFiles = self.committedFiles, let listed = try? committedFiles() else { return }
        _ = try? Sweep.run(
            self.storage, name: self.options.name, partition: self.options.partition, epoch: self.options.epoch + 1,
            listed: listed)
    }
}
