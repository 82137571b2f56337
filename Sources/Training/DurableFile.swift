// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
import Foundation
import Records
import Shards

/// Files that are whole and durable, or as they were.
enum DurableFile {
    /// Appends bytes to a file and waits until they are on the disk.
    static func append(_ bytes: Bytes, to path: String) throws(TrainingError) {
        let isNew = !FileManager.default.fileExists(atPath: path)
        let folder = FileShardStorage(folder: (path as NSString).deletingLastPathComponent)
        do throws(ShardError) {
            try folder.createFolder()
        } catch {
            throw TrainingError(.failed, error.message)
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard descriptor >= 0 else { throw Self.failure("open", path) }
        defer { close(descriptor) }
        let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard written == bytes.count, fsync(descriptor) == 0 else { throw Self.failure("write", path) }
        if isNew {
            do throws(ShardError) {
                try folder.synchronizeFolder()
            } catch {
                throw TrainingError(.failed, error.message)
            }
        }
    }

    /// Writes a file under another name, syncs it, and gives it its name.
    static func replace(_ name: String, in folder: String, _ body: (any ShardFile) throws(ShardError) -> Void)
        throws(TrainingError)
    {
        let storage = FileShardStorage(folder: folder)
        let temporary = ".writing-" + name
        do throws(ShardError) {
            try storage.createFolder()
            try storage.remove(temporary)
            let file = try storage.create(temporary)
            try body(file)
            try file.synchronize()
            try file.close()
            try storage.rename(temporary, to: name, replacing: true)
            try storage.synchronizeFolder()
        } catch {
            try? storage.remove(temporary)
            throw TrainingError(.failed, error.message)
        }
    }

    private static func failure(_ action: String, _ path: String) -> TrainingError {
        TrainingError(.failed, FileFailure(action, path, number: errno).message)
    }
}
