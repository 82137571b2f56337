// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Shards

/// Shards for tests.
enum SampleShards {
    /// Writes samples into a file of a storage.
    /// - Returns: the file's name.
    static func write(_ samples: [Bytes], sequence: Int = 0, in storage: any ShardStorage) throws -> String {
        let name = ShardName(name: "nlq", partition: 0, sequence: sequence, epoch: 1)
        let file = try storage.create(name.file)
        let writer = try ShardWriter(level: 3, frameBytes: 700)
        writer.begin(file)
        for sample in samples { try sample.withUnsafeBufferPointer { try writer.append($0) } }
        _ = try writer.finish()
        try file.synchronize()
        try file.close()
        return name.file
    }
}

/// A folder that is removed with its content when the last reference goes.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        let name = "moment-queries-\(UUID().uuidString)"
        self.path = FileManager.default.temporaryDirectory.appendingPathComponent(name).path
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }
}
