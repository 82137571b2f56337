// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import RecordLog
import Records
import Shards

/// Samples and shards for tests.
enum TestSamples {
    /// A sample with a lineage, a different one for each number.
    static func sample(_ number: Int, video: String = "v1", pass: Int = 1) -> Bytes {
        let hash = ContentHash.sha256("prompt \(number)")
        return Bytes(
            """
            {"query_id":"\(ContentHash.uuid5("q\(number)"))","video_uid":"\(video)","query":"Where did I put it \
            \(number) caf\u{e9}?","lineage":{"video_uid":"\(video)","pass":\(pass),"narrations":[\(number),\
            \(number + 1)],"prompt":"\(hash)"}}
            """.utf8)
    }

    static func samples(_ count: Int) -> [Bytes] { (0..<count).map { self.sample($0) } }

    static func batch(_ samples: [Bytes]) -> RecordBatch {
        RecordBatch(samples.map { Record(key: Bytes("v1".utf8), value: $0) })
    }

    /// Writes samples into a file of a storage and describes it as its manifest entry.
    static func write(
        _ samples: [Bytes], sequence: Int = 0, partition: Int = 0, frameBytes: Int = 1024, level: Int = 3,
        schema: LineSchema = .narrations, in storage: any ShardStorage
    ) throws -> ManifestEntry {
        let name = ShardName(name: "nlq", partition: partition, sequence: sequence, epoch: 1)
        let file = try storage.create(name.file)
        let writer = try ShardWriter(level: level, frameBytes: frameBytes, schema: schema)
        writer.begin(file)
        for sample in samples { try sample.withUnsafeBufferPointer { try writer.append($0) } }
        let summary = try writer.finish()
        try file.synchronize()
        try file.close()
        return ManifestEntry(
            file: name.file, partition: partition, sequence: sequence, epoch: 1, bytes: summary.bytes,
            uncompressedBytes: summary.uncompressedBytes, samples: summary.samples, frames: summary.frames,
            sha256: summary.sha256, last: summary.last, reason: .samples, topologyHash: "t",
            zstdVersion: Zstandard.version, level: level, firstOffset: 0, lastOffset: Offset(samples.count))
    }

    static func lines(of file: String, in storage: any ShardStorage) throws -> [Bytes] {
        var cursor = try ShardReader(file, in: storage).samples()
        var lines: [Bytes] = []
        while let line = try cursor.next() { lines.append(line) }
        return lines
    }
}

extension LineSchema {
    /// The schema of `TestSamples`: a line is known by the last narration of its lineage.
    static let narrations = LineSchema(streamType: "test") { line in
        let lineage = (try? JSONValue(parsing: line))?["lineage"]
        return .narration(
            lineage?["video_uid"]?.string, pass: lineage?["pass"]?.int, index: lineage?["narrations"]?.array?.last?.int)
    }
}

extension LineIdentity {
    /// The identity that a sample of `TestSamples` has.
    static func narration(_ videoUID: String?, pass: Int?, index: Int?) -> LineIdentity {
        LineIdentity(["last_video_uid": .init(videoUID), "last_pass": .init(pass), "last_index": .init(index)])
    }
}

/// A folder that is removed with its content when the last reference goes.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        self.path = FileManager.default.temporaryDirectory.appendingPathComponent("shards-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    var storage: FileShardStorage { FileShardStorage(folder: self.path) }
}

/// Programs that a machine may have, for an independent reading of what was written.
enum Program {
    static let hasZstd = (try? Program.run("zstd", "--version"))?.status == 0
    static let hasPythonZstandard = (try? Program.run("python3", "-c", "import zstandard"))?.status == 0

    static func run(_ arguments: String...) throws -> (status: Int32, output: Bytes) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, Bytes(bytes))
    }
}
