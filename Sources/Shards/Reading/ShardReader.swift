// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Records

#if canImport(Glibc)
    import Glibc
#endif

/// The samples of one decompressed frame.
public struct ShardFrame: Sendable {
    /// The lines, each with its newline.
    public let content: Bytes
    /// End of each line, at its newline.
    let ends: [Int]

    init(_ content: Bytes) {
        self.content = content
        self.ends = content.withUnsafeBufferPointer { bytes in
            var ends: [Int] = []
            guard let base = bytes.baseAddress else { return ends }
            var start = 0
            while let newline = memchr(base + start, 0x0a, bytes.count - start) {
                let end = UnsafeRawPointer(newline) - UnsafeRawPointer(base)
                ends.append(end)
                start = end + 1
            }
            return ends
        }
    }

    /// The number of samples.
    public var count: Int { self.ends.count }

    /// Returns the range of a sample in `content`, without its newline.
    public func range(ofSample index: Int) -> Range<Int> {
        (index == 0 ? 0 : self.ends[index - 1] + 1)..<self.ends[index]
    }

    /// Returns the index of the sample that holds a byte of `content`, or ends at it.
    func index(ofSampleAt position: Int) -> Int {
        var low = 0
        var high = self.ends.count - 1
        while low < high {
            let middle = (low + high) / 2
            if self.ends[middle] < position { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// A sample, copied.
    public func sample(_ index: Int) -> Bytes { Bytes(self.content[self.range(ofSample: index)]) }
}

/// Reads one shard: its frames by the seek table, or by walking over them if the table is missing or damaged, and
/// its samples by number.
///
/// Every frame is compared with the table in place, size and checksum before its samples are handed out. Holds one
/// frame in memory. Used from one thread at a time.
public final class ShardReader {
    /// The file's name, for messages.
    public let file: String
    /// The frames that hold samples, in order.
    public let frames: [SeekTable.Frame]
    /// The reason why the seek table was not used, if it was not.
    public let seekTableProblem: String?

    private let content: any ShardContent
    private let decompressor = ZstdDecompressor()
    /// The number of samples before each frame, as far as frames have been counted; one more than those.
    private var samplesBefore = [0]
    private var held: (ordinal: Int, frame: ShardFrame)?

    /// Opens a shard of a folder.
    public convenience init(_ file: String, in storage: any ShardStorage) throws(ShardError) {
        try self.init(try storage.open(file), file: file)
    }

    /// Reads a shard's bytes from wherever they are.
    /// - Throws: `ShardError.Code.corrupt` if no frames can be told apart.
    public convenience init(_ content: any ShardContent, file: String) throws(ShardError) {
        let problem: String
        switch try SeekTable.lookUp(in: content) {
        case .table(let table):
            try self.init(content, file: file, frames: table.frames, seekTableProblem: nil)
            return
        case .missing: problem = "the seek table at the end of the file is missing"
        case .damaged(let damage, _): problem = "the seek table at the end of the file is damaged: \(damage)"
        }
        let walk = try FrameWalk(content)
        if let obstacle = walk.obstacle { throw obstacle.error(file) }
        try self.init(content, file: file, frames: walk.frames, seekTableProblem: problem)
    }

    /// Reads a shard whose frames are known.
    init(
        _ content: any ShardContent, file: String, frames: [SeekTable.Frame], seekTableProblem: String?
    ) throws(ShardError) {
        self.file = file
        self.content = content
        // Entries without content stand for skippable frames.
        self.frames = frames.filter { $0.size > 0 }
        self.seekTableProblem = seekTableProblem
    }

    // MARK: Frames

    /// Reads a frame and checks it against the table.
    /// - Throws: `ShardError.Code.corrupt`, naming the frame and its place.
    public func frame(_ ordinal: Int) throws(ShardError) -> ShardFrame {
        if let held = self.held, held.ordinal == ordinal { return held.frame }
        let frame = try self.readFrame(ordinal)
        self.held = (ordinal, frame)
        return frame
    }

    private func readFrame(_ ordinal: Int) throws(ShardError) -> ShardFrame {
        precondition(self.frames.indices.contains(ordinal), "a frame of this shard")
        let listed = self.frames[ordinal]
        let bytes = try self.content.read(listed.offset..<listed.offset + listed.compressedSize)
        let decompressor = self.decompressor
        do throws(FrameDamage) {
            return try bytes.withRawBytes { bytes throws(FrameDamage) in
                try Self.decode(bytes, listed, decompressor)
            }
        } catch {
            throw ShardError(
                .corrupt,
                "\(self.file), frame \(ordinal) at byte \(listed.offset): \(error.message); restore the file or "
                    + "replay its records")
        }
    }

    /// Compares a frame with what the table says of it, then decompresses it.
    private static func decode(
        _ bytes: UnsafeRawBufferPointer, _ listed: SeekTable.Frame, _ decompressor: ZstdDecompressor
    ) throws(FrameDamage) -> ShardFrame {
        let size = try FrameHeader.contentSize(bytes)
        guard size == listed.size else {
            throw FrameDamage("the frame says it holds \(size) bytes, the seek table \(listed.size)")
        }
        let compressedSize = try FrameHeader.compressedSize(bytes)
        guard compressedSize == bytes.count else {
            let found = compressedSize.map { "takes \($0) bytes" } ?? "is cut short"
            throw FrameDamage("the frame \(found), the seek table says \(bytes.count) bytes")
        }
        let checksum = bytes.loadUnaligned(fromByteOffset: bytes.count - 4, as: UInt32.self).littleEndian
        guard listed.checksum == nil || listed.checksum == checksum else {
            throw FrameDamage("this is not the frame that the seek table lists here (checksum)")
        }
        let content: Bytes
        do throws(ZstdError) {
            content = try decompressor.decompress(bytes, size: listed.size)
        } catch {
            throw FrameDamage(error)
        }
        guard content.last == 0x0a else { throw FrameDamage("the frame does not end at the end of a line") }
        return ShardFrame(content)
    }

    // MARK: Samples

    /// The number of samples; reads every frame the first time.
    public func sampleCount() throws(ShardError) -> Int {
        for ordinal in self.frames.indices { _ = try self.samples(beforeFrame: ordinal + 1) }
        return self.samplesBefore[self.frames.count]
    }

    private func samples(beforeFrame ordinal: Int) throws(ShardError) -> Int {
        while self.samplesBefore.count <= ordinal {
            let next = self.samplesBefore.count - 1
            self.samplesBefore.append(self.samplesBefore[next] + (try self.frame(next).count))
        }
        return self.samplesBefore[ordinal]
    }

    /// Returns the frame that holds a sample, and the sample's index in it; `nil` past the last sample. Frames before
    /// it that were never counted are read.
    func locate(_ sample: Int) throws(ShardError) -> SampleCursor.Place? {
        guard sample >= 0 else { return nil }
        while let counted = self.samplesBefore.last, counted <= sample, self.samplesBefore.count <= self.frames.count {
            _ = try self.samples(beforeFrame: self.samplesBefore.count)
        }
        guard let counted = self.samplesBefore.last, sample < counted else { return nil }
        // The last frame that starts at or before the sample.
        var low = 0
        var high = self.samplesBefore.count - 1
        while high - low > 1 {
            let middle = (low + high) / 2
            if self.samplesBefore[middle] <= sample { low = middle } else { high = middle }
        }
        return SampleCursor.Place(frame: low, index: sample - self.samplesBefore[low])
    }

    /// One sample by its number; `nil` past the last.
    public func sample(_ number: Int) throws(ShardError) -> Bytes? {
        guard let place = try self.locate(number) else { return nil }
        return try self.frame(place.frame).sample(place.index)
    }

    /// The samples from one on, a frame in memory at a time.
    public func samples(from number: Int = 0) throws(ShardError) -> SampleCursor {
        if number <= 0 { return SampleCursor(reader: self, place: SampleCursor.Place(frame: 0, index: 0)) }
        let end = SampleCursor.Place(frame: self.frames.count, index: 0)
        return SampleCursor(reader: self, place: try self.locate(number) ?? end)
    }

    /// The samples from a place on that a cursor over this file once had.
    public func samples(at place: SampleCursor.Place) -> SampleCursor { SampleCursor(reader: self, place: place) }
}

/// Walks over the samples of a shard in order.
public struct SampleCursor {
    /// The place of a sample: its frame, and its index in that frame.
    public struct Place: Hashable, Sendable {
        var frame: Int
        var index: Int
    }

    private let reader: ShardReader
    /// Before the next sample, or at the end of the frame before it.
    public private(set) var place: Place
    private var frame: ShardFrame?

    init(reader: ShardReader, place: Place) {
        self.reader = reader
        self.place = place
    }

    /// The next sample, without its newline; `nil` past the last.
    public mutating func next() throws(ShardError) -> Bytes? {
        guard let frame = try self.nextFrame() else { return nil }
        self.place.index += 1
        return frame.sample(self.place.index - 1)
    }

    /// The samples that follow in the frame of the next one, as they lie there, each with its newline; `nil` past the
    /// last.
    /// - Parameter max: at most so many, at least one.
    public mutating func nextLines(max: Int) throws(ShardError) -> (lines: ArraySlice<UInt8>, count: Int)? {
        precondition(max > 0, "at least one sample is asked for")
        guard let frame = try self.nextFrame() else { return nil }
        let first = self.place.index
        self.place.index = first + Swift.min(max, frame.count - first)
        let start = frame.range(ofSample: first).lowerBound
        let end = frame.range(ofSample: self.place.index - 1).upperBound
        return (frame.content[start...end], self.place.index - first)
    }

    /// The frame of the next sample.
    private mutating func nextFrame() throws(ShardError) -> ShardFrame? {
        while self.place.frame < self.reader.frames.count {
            let frame: ShardFrame
            if let held = self.frame { frame = held } else { frame = try self.reader.frame(self.place.frame) }
            if self.place.index < frame.count {
                self.frame = frame
                return frame
            }
            self.frame = nil
            self.place = Place(frame: self.place.frame + 1, index: 0)
        }
        return nil
    }
}
