// SPDX-License-Identifier: Apache-2.0

public import Codecs
public import RecordLog
public import Records

/// Follows a manifest and hands out the samples of the shards that it announces, in the order of the commits.
///
/// It trusts the manifest alone and never lists the folder. Its position is a value: store it, and a new reader goes
/// on from there, in another process or on another day. Used from one thread at a time.
public final class TailingReader {
    /// A reader's position.
    public struct Position: Hashable, Sendable {
        /// The offset in the manifest topic of the shard that is being read, or of the next one to come.
        public var offset: Offset
        /// The number of that shard's samples that were handed out.
        public var sample: Int

        /// Describes a position; by default the start.
        public init(offset: Offset = 0, sample: Int = 0) {
            self.offset = offset
            self.sample = sample
        }

        /// The position as a JSON object.
        public var json: Bytes {
            var json = JSONWriter()
            json.beginObject()
            json.field("offset", Int(self.offset))
            json.field("sample", self.sample)
            json.endObject()
            return json.bytes
        }

        /// Reads a position that was stored as JSON.
        public init(json: Bytes) throws(JSONError) {
            var offset: Int?
            var sample: Int?
            try JSONScanner.scan(json) { json throws(JSONError) in
                try json.beginObject()
                while let key = try json.nextKey() {
                    if key == "offset" {
                        offset = try json.int()
                    } else if key == "sample" {
                        sample = try json.int()
                    } else {
                        try json.skip()
                    }
                }
            }
            guard let offset, let sample, offset >= 0, sample >= 0 else {
                throw JSONError("a position needs an offset and a sample, neither below zero", offset: 0)
            }
            self.init(offset: Offset(offset), sample: sample)
        }
    }

    /// The common name of the shards.
    public let name: String
    /// After the last sample that was handed out.
    public private(set) var position: Position

    private let storage: any ShardStorage
    private let reader: any PartitionReader
    private var waiting: [Manifest.Commit] = []
    /// The first shard of `waiting`, once it is being read.
    private var cursor: SampleCursor?

    /// Starts at a position.
    /// - Throws: `ShardError.Code.missing` if there is no manifest of that name; `.log`.
    public init(
        name: String, log: any RecordLog, storage: any ShardStorage, from position: Position = Position()
    ) throws(ShardError) {
        self.name = name
        self.storage = storage
        self.position = position
        do throws(LogError) {
            self.reader = try log.makeReader(of: TopicPartition(Manifest.topic(name), 0), from: position.offset)
        } catch {
            throw .log(error, reading: Manifest.topic(name))
        }
    }

    /// The shards that are committed and not wholly handed out, after a look at the manifest; does not wait.
    ///
    /// `RecordLog.awaitAppend` tells when another look may pay.
    public func poll() throws(ShardError) -> [Manifest.Commit] {
        var manifest = Manifest(name: self.name)
        while true {
            let batch: FetchedBatch
            do throws(LogError) {
                batch = try self.reader.read(recordsMax: 1000, bytesMax: 4 << 20)
            } catch {
                self.rewind()
                throw .log(error, reading: Manifest.topic(self.name))
            }
            if batch.isEmpty { break }
            do throws(ShardError) {
                try manifest.append(batch)
            } catch {
                self.rewind()
                throw error
            }
        }
        self.waiting += manifest.commits
        return self.waiting
    }

    /// Sets the reader back to what was not taken over, so that the same error comes again, and nothing is passed over.
    private func rewind() { self.reader.seek(to: self.waiting.last.map { $0.offset + 1 } ?? self.position.offset) }

    /// The next committed sample, without its newline; `nil` if there is none yet. Does not wait.
    /// - Throws: `ShardError` if a listed file is missing or damaged; the position stays before the sample.
    public func next() throws(ShardError) -> Bytes? {
        let taken = try self.take { cursor throws(ShardError) in
            try cursor.next().map { (value: $0, count: 1) }
        }
        return taken?.value
    }

    /// The committed samples that follow in the frame of the next one, as they lie there, each with its newline; `nil`
    /// if there is none yet. Does not wait.
    /// - Parameter max: at most so many, at least one.
    /// - Throws: as `next`.
    public func nextLines(max: Int) throws(ShardError) -> (lines: ArraySlice<UInt8>, count: Int)? {
        try self.take { cursor throws(ShardError) in
            try cursor.nextLines(max: max).map { (value: $0.lines, count: $0.count) }
        }.map { (lines: $0.value, count: $0.count) }
    }

    /// Takes something off the shard that is next, and moves past the samples of it.
    private func take<Taken>(
        _ body: (inout SampleCursor) throws(ShardError) -> (value: Taken, count: Int)?
    ) throws(ShardError) -> (value: Taken, count: Int)? {
        while true {
            if self.waiting.isEmpty, try self.poll().isEmpty { return nil }
            guard let commit = self.waiting.first else { return nil }
            var cursor: SampleCursor
            if let open = self.cursor { cursor = open } else { cursor = try self.open(commit) }
            if let taken = try body(&cursor) {
                self.cursor = cursor
                self.position = Position(offset: commit.offset, sample: self.position.sample + taken.count)
                return taken
            }
            self.waiting.removeFirst()
            self.cursor = nil
            self.position = Position(offset: commit.offset + 1)
        }
    }

    /// Passes over the rest of the shard that is next, if there is one.
    public func skipShard() throws(ShardError) {
        if self.waiting.isEmpty, try self.poll().isEmpty { return }
        let commit = self.waiting.removeFirst()
        self.cursor = nil
        self.position = Position(offset: commit.offset + 1)
    }

    private func open(_ commit: Manifest.Commit) throws(ShardError) -> SampleCursor {
        // A position may name an offset between records: its sample then counts for no shard.
        if commit.offset != self.position.offset { self.position = Position(offset: commit.offset) }
        let entry = commit.entry
        let reader: ShardReader
        do throws(ShardError) {
            let content = try self.storage.open(entry.file)
            guard content.size == entry.bytes else {
                throw ShardError(
                    .corrupt,
                    "\(entry.file) has \(content.size) bytes, the manifest says \(entry.bytes); restore it or replay")
            }
            reader = try ShardReader(content, file: entry.file)
        } catch {
            guard error.code == .missing else { throw error }
            throw ShardError(
                .missing,
                "\(entry.file) is listed in the manifest of \(self.name) but is not in \(self.storage.location); "
                    + "restore the file, or replay its records into a new set")
        }
        return try reader.samples(from: self.position.sample)
    }
}

extension Manifest {
    /// Returns a tailing reader's position before sample `number`, counted from zero over all shards in commit order;
    /// past the last commit if there are not so many.
    public func position(ofSample number: Int) -> TailingReader.Position {
        var rest = number
        for commit in self.commits {
            if rest < commit.entry.samples { return TailingReader.Position(offset: commit.offset, sample: rest) }
            rest -= commit.entry.samples
        }
        return TailingReader.Position(offset: self.commits.last.map { $0.offset + 1 } ?? 0)
    }
}
