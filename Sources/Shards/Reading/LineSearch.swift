// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Synchronization
import Threads

/// Finds a line of a set by its id: the value of a member `id`, or of one whose name ends in `_id`.
///
/// Ids are derived from content, so neither the manifest nor an order says where one lies; and an index beside the
/// shards would have to be written, kept up and mistrusted. Instead frames are decompressed side by side, a few at a
/// time, and searched for the id's bytes; only a line that has them is parsed. That goes over a gigabyte of lines a
/// second and core, and ends at the first line found.
public struct LineSearch: Sendable {
    /// A line that was found.
    public struct Hit: Hashable, Sendable {
        /// The line, without its newline.
        public var line: Bytes
        /// The shard that it lies in.
        public var file: String
    }

    private let storage: any ShardStorage
    private let threads: Int

    /// Describes a search in a folder of shards.
    /// - Parameter threads: how many threads it may use; if the system has fewer, it makes do with the caller's.
    public init(in storage: any ShardStorage, threads: Int) {
        self.storage = storage
        self.threads = threads
    }

    /// The first line with an id, in the order of commits; `nil` if there is none.
    /// - Throws: the first read error, if the readable part has no such line.
    public func first(id: String, in manifest: Manifest) throws(ShardError) -> Hit? {
        let board = Board(files: manifest.commits.map(\.entry.file))
        let needle = Needle(id: id)
        if self.threads > 1, let team = try? ThreadTeam(count: self.threads) {
            team.run(self.threads) { _ in self.work(board, needle) }
        } else {
            self.work(board, needle)
        }
        let (hit, failure) = board.result
        if let hit { return hit }
        if let failure { throw failure }
        return nil
    }

    private func work(_ board: Board, _ needle: Needle) {
        var open: (shard: Int, reader: ShardReader)?
        while let piece = board.next() {
            do throws(ShardError) {
                let reader: ShardReader
                if let open, open.shard == piece.place.shard {
                    reader = open.reader
                } else {
                    reader = try ShardReader(piece.file, in: self.storage)
                    open = (piece.place.shard, reader)
                }
                try self.search(piece, in: reader, board, needle)
            } catch {
                board.note(error, at: piece.place)
                board.end(of: piece.place.shard)
            }
        }
    }

    private func search(
        _ piece: Piece, in reader: ShardReader, _ board: Board, _ needle: Needle
    ) throws(ShardError) {
        let first = piece.place.frame
        if first + piece.frames >= reader.frames.count { board.end(of: piece.place.shard) }
        for ordinal in first..<max(first, min(first + piece.frames, reader.frames.count)) {
            let place = Place(shard: piece.place.shard, frame: ordinal)
            do throws(ShardError) {
                guard let line = needle.line(in: try reader.frame(ordinal)) else { continue }
                return board.note(Hit(line: line, file: piece.file), at: place)
            } catch {
                board.note(error, at: place)
            }
        }
    }

    /// The place of a frame in the set.
    private struct Place: Comparable {
        var shard: Int
        var frame: Int

        static func < (left: Place, right: Place) -> Bool { (left.shard, left.frame) < (right.shard, right.frame) }
    }

    /// Frames of one shard that one thread searches.
    private struct Piece {
        var place: Place
        var frames: Int
        var file: String
    }

    /// Deals out pieces in order, until something is found in front of them.
    private final class Board: Sendable {
        private struct State {
            var next = Place(shard: 0, frame: 0)
            var hit: (place: Place, hit: Hit)?
            var failure: (place: Place, error: ShardError)?
        }

        /// About two megabytes of lines.
        private static let pieceFrames = 16

        private let files: [String]
        private let state = Mutex(State())

        init(files: [String]) { self.files = files }

        func next() -> Piece? {
            self.state.withLock { state in
                guard state.next.shard < self.files.count, state.hit == nil else { return nil }
                let piece = Piece(place: state.next, frames: Self.pieceFrames, file: self.files[state.next.shard])
                state.next.frame += Self.pieceFrames
                return piece
            }
        }

        /// A shard has no frames behind the pieces that were dealt out.
        func end(of shard: Int) {
            self.state.withLock { state in
                if state.next.shard == shard { state.next = Place(shard: shard + 1, frame: 0) }
            }
        }

        func note(_ hit: Hit, at place: Place) {
            self.state.withLock { state in
                if state.hit.map({ place < $0.place }) ?? true { state.hit = (place, hit) }
            }
        }

        func note(_ error: ShardError, at place: Place) {
            self.state.withLock { state in
                if state.failure.map({ place < $0.place }) ?? true { state.failure = (place, error) }
            }
        }

        var result: (hit: Hit?, failure: ShardError?) { self.state.withLock { ($0.hit?.hit, $0.failure?.error) } }
    }
}

/// An id as the bytes that a line with it has.
private struct Needle: Sendable {
    private let id: String
    private let bytes: Bytes
    /// Distances that a search may move on if a byte stands under the last of `bytes` (Horspool 1980).
    private let skips: [Int]

    init(id: String) {
        self.id = id
        var json = JSONWriter()
        json.value(id)
        self.bytes = json.bytes
        var skips = Array(repeating: self.bytes.count, count: 256)
        for (index, byte) in self.bytes.dropLast().enumerated() { skips[Int(byte)] = self.bytes.count - 1 - index }
        self.skips = skips
    }

    /// The first line of a frame that has the id.
    func line(in frame: ShardFrame) -> Bytes? {
        var start = 0
        while let found = self.position(in: frame.content, from: start) {
            let index = frame.index(ofSampleAt: found)
            let line = frame.sample(index)
            if self.isID(of: line) { return line }
            start = frame.range(ofSample: index).upperBound
        }
        return nil
    }

    /// Returns the next position of the bytes in a content.
    private func position(in content: Bytes, from start: Int) -> Int? {
        let last = self.bytes.count - 1
        return content.withUnsafeBufferPointer { content in
            self.bytes.withUnsafeBufferPointer { bytes in
                self.skips.withUnsafeBufferPointer { skips in
                    var position = start
                    while position + last < content.count {
                        let byte = content[position + last]
                        if byte == bytes[last], content[position..<position + last].elementsEqual(bytes[..<last]) {
                            return position
                        }
                        position += skips[Int(byte)]
                    }
                    return nil
                }
            }
        }
    }

    private func isID(of line: Bytes) -> Bool {
        let isIt = try? JSONScanner.scan(line) { json throws(JSONError) in
            var isIt = false
            try json.beginObject()
            while let key = try json.nextKey() {
                let name = key.text
                if name == "id" || name.hasSuffix("_id"), try json.kind() == .string {
                    isIt = try json.string() == self.id || isIt
                } else {
                    try json.skip()
                }
            }
            return isIt
        }
        return isIt ?? false
    }
}
