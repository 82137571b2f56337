// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import Shards
import Testing

/// The bytes of a shard, seen by this library and by others.
@Suite("Shard format") struct ShardFormatTests {
    @Test(arguments: [1, 2, 7, 100])
    func `what is written is read, by any number of samples a frame`(count: Int) throws {
        for frameBytes in [1, 300, 1 << 20] {
            let storage = SimulatedShardStorage()
            let samples = TestSamples.samples(count)
            let entry = try TestSamples.write(samples, frameBytes: frameBytes, in: storage)
            #expect(try TestSamples.lines(of: entry.file, in: storage) == samples)
            #expect(entry.samples == count)
            #expect(entry.uncompressedBytes == samples.reduce(0) { $0 + $1.count + 1 })
            #expect(entry.sha256 == ContentHash.sha256(try #require(storage.bytes(of: entry.file))))
            #expect(entry.last == .narration("v1", pass: 1, index: count))
            #expect(ShardVerification(of: entry, in: storage).problems == [])
        }
    }

    @Test func `a frame ends at the first sample with which it reaches its size`() throws {
        let storage = SimulatedShardStorage()
        // 99 bytes and a newline: 10 make exactly 1000, 11 pass 1001.
        let sample = Bytes("\"\(String(repeating: "x", count: 97))\"".utf8)
        for (frameBytes, perFrame) in [(1000, 10), (1001, 11), (999, 10), (100, 1), (101, 2)] {
            let entry = try TestSamples.write(
                Array(repeating: sample, count: perFrame * 3), sequence: frameBytes, frameBytes: frameBytes,
                in: storage)
            let reader = try ShardReader(entry.file, in: storage)
            #expect(reader.frames.map(\.size) == [perFrame * 100, perFrame * 100, perFrame * 100])
        }
    }

    @Test func `the seek table is that of the seekable format, byte by byte`() throws {
        let storage = SimulatedShardStorage()
        let entry = try TestSamples.write(TestSamples.samples(20), in: storage)
        let bytes = try #require(storage.bytes(of: entry.file))
        func number(_ offset: Int) -> Int { (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) } }

        #expect(Array(bytes.suffix(4)) == [0xb1, 0xea, 0x92, 0x8f])
        #expect(bytes[bytes.count - 5] == 0x80)
        let count = number(bytes.count - 9)
        #expect(count == entry.frames)
        let start = bytes.count - 9 - 12 * count - 8
        #expect(Array(bytes[start..<start + 4]) == [0x5e, 0x2a, 0x4d, 0x18])
        #expect(number(start + 4) == 12 * count + 9)
        var offset = 0
        var content = 0
        for index in 0..<count {
            let position = start + 8 + 12 * index
            #expect(Array(bytes[offset..<offset + 4]) == [0x28, 0xb5, 0x2f, 0xfd])
            offset += number(position)
            content += number(position + 4)
            #expect(number(position + 8) == number(offset - 4))
        }
        #expect(offset == start)
        #expect(content == entry.uncompressedBytes)
    }

    @Test func `equal samples make equal bytes, whatever the writer wrote before`() throws {
        let storage = SimulatedShardStorage()
        let writer = try ShardWriter(level: 3, frameBytes: 4096)
        var files: [Bytes] = []
        for (index, count) in [200, 3, 200, 150, 200].enumerated() {
            let file = try storage.create("f\(index)")
            writer.begin(file)
            for sample in TestSamples.samples(count) { try sample.withUnsafeBufferPointer { try writer.append($0) } }
            _ = try writer.finish()
            files.append(try #require(storage.bytes(of: "f\(index)")))
        }
        #expect(files[0] == files[2])
        #expect(files[0] == files[4])
        let entry = try TestSamples.write(TestSamples.samples(200), frameBytes: 4096, in: storage)
        #expect(storage.bytes(of: entry.file) == files[0])
    }

    @Test(arguments: ["", "{\"a\":1}\n", "{\"a\":\n1}", "{}\r", "\n"])
    func `what is not one line is refused and leaves nothing`(line: String) throws {
        let storage = SimulatedShardStorage()
        let writer = try ShardWriter(level: 3)
        writer.begin(try storage.create("f"))
        let error = #expect(throws: ShardError.self) {
            try Array(line.utf8).withUnsafeBufferPointer { try writer.append($0) }
        }
        #expect(error?.code == .invalidSample)
        #expect(writer.samples == 0)
        #expect(writer.uncompressedBytes == 0)
    }

    @Test(arguments: [0, -5, 23, 100])
    func `a level that zstd has not is refused`(level: Int) {
        #expect(throws: ShardError.self) { try ShardWriter(level: level) }
    }

    @Test func `every level reads back`() throws {
        let storage = SimulatedShardStorage()
        for level in [1, 9, 19, 22] {
            let samples = TestSamples.samples(30)
            let entry = try TestSamples.write(samples, sequence: level, level: level, in: storage)
            #expect(try TestSamples.lines(of: entry.file, in: storage) == samples)
        }
    }

    @Test(.enabled(if: Program.hasZstd, "the program zstd is not installed"))
    func `zstd reads it`() throws {
        let folder = try TemporaryFolder()
        let samples = TestSamples.samples(300)
        let entry = try TestSamples.write(samples, in: folder.storage)
        let path = "\(folder.path)/\(entry.file)"
        #expect(try Program.run("zstd", "-t", path).status == 0)
        let (status, output) = try Program.run("zstd", "-d", "-c", path)
        #expect(status == 0)
        #expect(output == Bytes(samples.map { $0 + [0x0a] }.joined()))
    }

    @Test(.enabled(if: Program.hasPythonZstandard, "Python's package zstandard is not installed"))
    func `Python reads it`() throws {
        let folder = try TemporaryFolder()
        let samples = TestSamples.samples(300)
        let entry = try TestSamples.write(samples, in: folder.storage)
        let script = """
            import sys, zstandard
            source = zstandard.ZstdDecompressor().stream_reader(open(sys.argv[1], "rb"), read_across_frames=True)
            sys.stdout.buffer.write(source.read())
            """
        let (status, output) = try Program.run("python3", "-c", script, "\(folder.path)/\(entry.file)")
        #expect(status == 0)
        #expect(output == Bytes(samples.map { $0 + [0x0a] }.joined()))
    }

    @Test(.enabled(if: Program.hasZstd, "the program zstd is not installed"))
    func `a file that zstd wrote is read by walking over its frames`() throws {
        let folder = try TemporaryFolder()
        let samples = TestSamples.samples(300)
        let source = try folder.storage.create("plain.jsonl")
        try Bytes(samples.map { $0 + [0x0a] }.joined()).withUnsafeBytes { try source.append($0) }
        try source.close()
        let path = "\(folder.path)/plain.jsonl"
        #expect(try Program.run("zstd", "-q", "--check", path, "-o", "\(path).zst").status == 0)
        let reader = try ShardReader("plain.jsonl.zst", in: folder.storage)
        #expect(reader.frames.count == 1)
        #expect(try TestSamples.lines(of: "plain.jsonl.zst", in: folder.storage) == samples)
    }
}
