// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records
public import Shards

/// Looks for a text in the lines of a set, the newest shards first, within bounds of time and bytes.
public struct LineScan {
    /// A line that has the text.
    public struct Hit: Sendable {
        /// The set.
        public var set: String
        /// The shard.
        public var file: String
        /// The line, without its newline.
        public var line: Bytes
    }

    /// The lines that were found.
    public private(set) var hits: [Hit] = []
    /// Lines that were looked at.
    public private(set) var lines = 0
    /// Bytes of them.
    public private(set) var bytes = 0
    /// Shards that were looked at, and that there are.
    public private(set) var shards = 0
    /// The shards of the sets.
    public private(set) var shardsInAll = 0
    /// Tells whether a bound was reached before everything had been looked at.
    public private(set) var isCutShort = false
    /// Shards that could not be read, with the reason.
    public private(set) var problems: [String] = []

    private let needle: Bytes
    private let limit: Int
    private let bytesMax: Int
    private let deadline: ContinuousClock.Instant

    /// Prepares to look.
    /// - Parameters:
    ///   - text: as it stands in a line: without quotes, and with nothing that JSON escapes.
    ///   - limit: hits that are wanted.
    ///   - bytesMax: bytes of lines to look at.
    public init(for text: String, limit: Int, bytesMax: Int, until deadline: ContinuousClock.Instant) {
        self.needle = Bytes(text.utf8)
        self.limit = limit
        self.bytesMax = bytesMax
        self.deadline = deadline
    }

    /// Looks through a set, unless the bounds are reached.
    public mutating func look(in manifest: Manifest, of set: String, _ storage: any ShardStorage) {
        self.shardsInAll += manifest.commits.count
        for commit in manifest.commits.reversed() where self.mayGoOn {
            self.shards += 1
            do throws(ShardError) {
                let reader = try ShardReader(commit.entry.file, in: storage)
                for ordinal in 0..<reader.frames.count where self.mayGoOn {
                    self.look(in: try reader.frame(ordinal), commit.entry.file, set)
                }
            } catch {
                self.problems.append("\(commit.entry.file): \(error)")
            }
        }
        if self.shards < self.shardsInAll, self.hits.count < self.limit { self.isCutShort = true }
    }

    private var mayGoOn: Bool {
        self.hits.count < self.limit && self.bytes < self.bytesMax && ContinuousClock.now < self.deadline
    }

    private mutating func look(in frame: ShardFrame, _ file: String, _ set: String) {
        self.bytes += frame.content.count
        self.lines += frame.count
        var start = 0
        while self.hits.count < self.limit, let found = self.position(in: frame.content, from: start) {
            let newline = UInt8(ascii: "\n")
            let first = frame.content[..<found].lastIndex(of: newline).map { $0 + 1 } ?? 0
            let end = frame.content[found...].firstIndex(of: newline) ?? frame.content.count
            self.hits.append(Hit(set: set, file: file, line: Bytes(frame.content[first..<end])))
            start = end
        }
    }

    private func position(in content: Bytes, from start: Int) -> Int? {
        guard let first = self.needle.first else { return nil }
        return content.withUnsafeBufferPointer { content in
            var position = start
            while position + self.needle.count <= content.count {
                guard let found = content[position...].firstIndex(of: first) else { return nil }
                let end = found + self.needle.count
                if end > content.count { return nil }
                if content[found..<end].elementsEqual(self.needle) { return found }
                position = found + 1
            }
            return nil
        }
    }
}
