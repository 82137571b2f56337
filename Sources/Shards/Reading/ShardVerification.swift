// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

/// The result of comparing one shard with its manifest entry.
public struct ShardVerification: Sendable {
    /// Something that is not as it was written.
    public struct Problem: Hashable, Sendable, CustomStringConvertible {
        /// The frame, from zero, if it lies in one.
        public var frame: Int?
        /// Its place in the file, in bytes, as closely as can be told.
        public var byteOffset: Int?
        /// A description of what is wrong.
        public var message: String
        /// Tells whether the file is there and could not be read, so that nothing is known of what it holds.
        public var isUnread = false

        /// `frame 3 at byte 1024: …`
        public var description: String {
            let frame = self.frame.map { "frame \($0)" }
            let place = self.byteOffset.map { "at byte \($0)" }
            let prefix = [frame, place].compactMap(\.self).joined(separator: " ")
            return prefix.isEmpty ? self.message : "\(prefix): \(self.message)"
        }
    }

    /// The name of the shard.
    public let file: String
    /// Problems of the file, at most `problemsMax`; none if it is sound.
    public private(set) var problems: [Problem] = []
    /// The samples that could be read.
    public private(set) var samples = 0

    /// Tells whether the file is as it was written.
    public var isSound: Bool { self.problems.isEmpty }

    /// Maximum number of problems listed; a file with more is as useless as one with these.
    public static let problemsMax = 20

    private static let pieceSize = 1 << 20

    /// Compares a file with its manifest entry: its size, its SHA-256, its seek table, every frame and every line.
    public init(of entry: ManifestEntry, in storage: any ShardStorage) {
        self.file = entry.file
        do throws(ShardError) {
            let content = try storage.open(entry.file)
            if content.size != entry.bytes {
                self.note(nil, min(content.size, entry.bytes), "has \(content.size) bytes, the manifest \(entry.bytes)")
            }
            let sha256 = try Self.sha256(of: content)
            try self.checkFrames(of: content, against: entry)
            if sha256 != entry.sha256 {
                let remark = self.problems.isEmpty ? " though every frame reads well" : ""
                self.note(nil, nil, "has SHA-256 \(sha256), the manifest \(entry.sha256)\(remark)")
            }
        } catch {
            self.note(nil, nil, error.message)
            if [.forbidden, .tooManyOpen, .failed].contains(error.code) {
                self.problems[self.problems.count - 1].isUnread = true
            }
        }
    }

    private mutating func note(_ frame: Int?, _ byteOffset: Int?, _ message: String) {
        guard self.problems.count < Self.problemsMax else { return }
        self.problems.append(Problem(frame: frame, byteOffset: byteOffset, message: message))
    }

    private static func sha256(of content: any ShardContent) throws(ShardError) -> String {
        var hash = ContentHash.Stream()
        var offset = 0
        while offset < content.size {
            let end = min(content.size, offset + self.pieceSize)
            hash.update(try content.read(offset..<end))
            offset = end
        }
        return hash.finish()
    }

    /// The frames by the seek table; or, where that is missing or damaged, those that a walk over the file finds,
    /// compared with what is left of the table to name the first that is not in its place.
    private mutating func findFrames(in content: any ShardContent) throws(ShardError) -> [SeekTable.Frame] {
        var listed: SeekTable?
        var problem = "the seek table is missing"
        switch try SeekTable.lookUp(in: content) {
        case .table(let table): return table.frames
        case .missing: break
        case .damaged(let damage, let table):
            listed = table
            problem = "the seek table is damaged: \(damage)"
        }
        let walk = try FrameWalk(content)
        self.note(nil, walk.frames.last.map { $0.offset + $0.compressedSize } ?? 0, problem)
        if let obstacle = walk.obstacle { self.note(obstacle.ordinal, obstacle.offset, obstacle.message) }
        if let listed {
            let pairs = zip(walk.frames, listed.frames)
            if let (ordinal, pair) = pairs.enumerated().first(where: { $1.0 != $1.1 }) {
                self.note(ordinal, pair.0.offset, "this is not the frame that the seek table lists here")
            }
        }
        return walk.frames
    }

    private mutating func checkFrames(of content: any ShardContent, against entry: ManifestEntry) throws(ShardError) {
        let frames = try self.findFrames(in: content)
        let reader = try ShardReader(content, file: entry.file, frames: frames, seekTableProblem: nil)
        if reader.frames.count != entry.frames {
            self.note(nil, nil, "has \(reader.frames.count) frames, the manifest \(entry.frames)")
        }
        var uncompressedBytes = 0
        for (ordinal, listed) in reader.frames.enumerated() {
            do throws(ShardError) {
                let frame = try reader.frame(ordinal)
                uncompressedBytes += frame.content.count
                self.checkLines(of: frame, ordinal, at: listed.offset)
            } catch {
                guard error.code == .corrupt else { throw error }
                // The place stands in front of the problem already.
                let place = "\(entry.file), frame \(ordinal) at byte \(listed.offset): "
                self.note(ordinal, listed.offset, error.message.replacing(place, with: ""))
            }
        }
        if self.samples != entry.samples {
            self.note(nil, nil, "has \(self.samples) readable samples, the manifest \(entry.samples)")
        }
        if uncompressedBytes != entry.uncompressedBytes {
            self.note(nil, nil, "holds \(uncompressedBytes) readable bytes, the manifest \(entry.uncompressedBytes)")
        }
    }

    private mutating func checkLines(of frame: ShardFrame, _ ordinal: Int, at offset: Int) {
        self.samples += frame.count
        for index in 0..<frame.count {
            let range = frame.range(ofSample: index)
            if let problem = frame.content.withUnsafeBufferPointer({ Self.problem(of: $0, range) }) {
                self.note(ordinal, offset, "line \(index) of the frame is no JSON: \(problem)")
            }
        }
    }

    private static func problem(of content: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> String? {
        let line = UnsafeBufferPointer(rebasing: content[range])
        do throws(JSONError) {
            var scanner = JSONScanner(line)
            try scanner.skip()
            try scanner.finish()
        } catch {
            return error.description
        }
        // The scanner passes over strings without a look at their encoding.
        return String(validating: line, as: UTF8.self) == nil ? "invalid UTF-8" : nil
    }
}
