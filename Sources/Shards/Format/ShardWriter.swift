// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records

#if canImport(Glibc)
    import Glibc
#endif

/// Writes samples as JSON Lines into zstd frames, a file at a time, and counts and hashes what it writes.
///
/// A frame ends at the first sample with which it reaches `frameBytes`, has a checksum and states its size; after
/// the last one comes a `SeekTable`. The same samples give the same bytes, under the same version of zstd. The
/// compression context and the buffers serve all files of a writer. Used from one thread at a time.
public final class ShardWriter {
    /// A summary of one written file.
    public struct Summary: Hashable, Sendable {
        /// The size of the file in bytes.
        public var bytes: Int
        /// The size of the samples in bytes, each with its newline.
        public var uncompressedBytes: Int
        /// The number of samples.
        public var samples: Int
        /// The number of frames that hold samples.
        public var frames: Int
        /// The SHA-256 of the file, in lower-case hexadecimal.
        public var sha256: String
        /// Identity of the last sample.
        public var last: LineIdentity
    }

    /// The size of content at which a frame ends: 128 KiB keep 93 % and more of the ratio of a whole file.
    public static let frameBytesDefault = 128 << 10

    /// The largest sample in bytes: sizes in a seek table have 32 bits.
    public static let sampleBytesMax = 1 << 30

    private let compressor: ZstdCompressor
    /// Room for a compressed frame.
    private var compressed: Bytes = []
    private let frameBytes: Int
    private let schema: LineSchema
    private var file: (any ShardFile)?
    /// The samples of the frame that is being filled. A full frame is compressed when the next sample comes, so that
    /// the last sample is always at hand here.
    private var frame: Bytes = []
    private var lastStart = 0
    private var table = SeekTable()
    private var hash = ContentHash.Stream()
    /// The samples written to the open file so far.
    public private(set) var samples = 0
    /// Their bytes, each with its newline.
    public private(set) var uncompressedBytes = 0

    /// Creates a writer.
    /// - Parameters:
    ///   - level: zstd's compression level, one of `Zstandard.levels`.
    ///   - frameBytes: the size of content at which a frame ends.
    ///   - schema: what is known of the samples.
    public init(
        level: Int, frameBytes: Int = ShardWriter.frameBytesDefault, schema: LineSchema = .any
    ) throws(ShardError) {
        guard 1...(1 << 30) ~= frameBytes else {
            throw ShardError(.invalidOption, "a frame of \(frameBytes) bytes is outside 1 to 1 GiB")
        }
        guard Zstandard.levels.contains(level) else {
            throw ShardError(
                .invalidOption,
                "compression level \(level) is outside \(Zstandard.levels.lowerBound) to "
                    + "\(Zstandard.levels.upperBound)")
        }
        do throws(ZstdError) {
            self.compressor = try ZstdCompressor(level: level, checksums: true)
        } catch {
            throw ShardError(.failed, error.message)
        }
        self.frameBytes = frameBytes
        self.schema = schema
    }

    /// Starts a new, empty file; what an earlier one had not finished is forgotten.
    public func begin(_ file: any ShardFile) {
        self.file = file
        self.frame.removeAll(keepingCapacity: true)
        self.frame.reserveCapacity(self.frameBytes + 64 << 10)
        self.lastStart = 0
        self.table = SeekTable()
        self.hash = ContentHash.Stream()
        self.samples = 0
        self.uncompressedBytes = 0
    }

    /// Returns the reason why bytes cannot be a line, if so. JSON needs no raw line break: in a string it is escaped.
    public static func refusal(of sample: UnsafeBufferPointer<UInt8>) -> String? {
        guard let base = sample.baseAddress, !sample.isEmpty else { return "is empty" }
        if sample.count > Self.sampleBytesMax { return "has \(sample.count) bytes, more than \(Self.sampleBytesMax)" }
        if memchr(base, 0x0a, sample.count) != nil { return "holds a raw newline" }
        if memchr(base, 0x0d, sample.count) != nil { return "holds a raw carriage return" }
        return nil
    }

    /// Appends one sample; refuses what `refusal` names.
    public func append(_ sample: UnsafeBufferPointer<UInt8>) throws(ShardError) {
        if let refusal = Self.refusal(of: sample) {
            throw ShardError(.invalidSample, "a sample \(refusal); each must be one line of JSON")
        }
        try self.append(checked: sample)
    }

    /// Appends one sample that `refusal` accepts.
    func append(checked sample: UnsafeBufferPointer<UInt8>) throws(ShardError) {
        if self.frame.count >= self.frameBytes { try self.endFrame() }
        self.lastStart = self.frame.count
        self.frame.append(contentsOf: sample)
        self.frame.append(UInt8(ascii: "\n"))
        self.samples += 1
        self.uncompressedBytes += sample.count + 1
    }

    /// Identity of the last sample appended.
    public var last: LineIdentity {
        self.frame.withUnsafeBufferPointer { frame in
            self.schema.identity(UnsafeBufferPointer(rebasing: frame[self.lastStart...].dropLast()))
        }
    }

    /// Ends the last frame and writes the seek table. The file is complete but neither synchronised nor closed.
    public func finish() throws(ShardError) -> Summary {
        let last = self.last
        try self.endFrame()
        let table = self.table.encoded()
        try table.withRawBytes { bytes throws(ShardError) in try self.write(bytes) }
        self.file = nil
        return Summary(
            bytes: self.table.framesEnd + table.count, uncompressedBytes: self.uncompressedBytes, samples: self.samples,
            frames: self.table.frames.count, sha256: self.hash.finish(), last: last)
    }

    private func endFrame() throws(ShardError) {
        if self.frame.isEmpty { return }
        let size = try self.compressFrame()
        // A frame ends in the checksum of its content, which the table repeats.
        let checksum = self.compressed.littleEndian(UInt32.self, at: size - 4)
        try self.compressed.withRawBytes { compressed throws(ShardError) in
            try self.write(UnsafeRawBufferPointer(rebasing: compressed[..<size]))
        }
        self.table.append(compressedSize: size, size: self.frame.count, checksum: checksum)
        self.frame.removeAll(keepingCapacity: true)
        self.lastStart = 0
    }

    /// Compresses the frame to the start of `compressed`, and answers its size there.
    private func compressFrame() throws(ShardError) -> Int {
        let bound = Zstandard.frameBytesMax(ofContent: self.frame.count)
        if self.compressed.count < bound { self.compressed = Bytes(repeating: 0, count: bound) }
        var size: Int?
        do throws(ZstdError) {
            size = try self.frame.withUnsafeBufferPointer { content throws(ZstdError) in
                try self.compressed.withUnsafeMutableBufferPointer { compressed throws(ZstdError) in
                    try self.compressor.compress(
                        UnsafeRawBufferPointer(content), into: UnsafeMutableRawBufferPointer(compressed))
                }
            }
        } catch {
            throw ShardError(.failed, "zstd could not compress \(self.frame.count) bytes: \(error)")
        }
        guard let size else { throw ShardError(.failed, "zstd needs more room than it says") }
        return size
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws(ShardError) {
        guard let file = self.file else { throw ShardError(.failed, "no shard is open for writing") }
        try file.append(bytes)
        self.hash.update(bytes)
    }
}
