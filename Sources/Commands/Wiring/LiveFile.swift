// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
import Foundation
import Records
import Synchronization

/// A small file of JSON by which a process tells others of the same home how it stands, for as long as it lives.
///
/// The file is there while there is something to tell, and locked for as long as its process lives, so one that a
/// killed process has left says nothing.
final class LiveFile: Sendable {
    private let folder: String
    private let path: String
    private let descriptor = Mutex(Int32(-1))

    /// Prepares a file, which is not there before the first `write`.
    /// - Parameter name: the beginning of its name.
    init(folder: String, name: String) {
        self.folder = folder
        self.path = "\(folder)/\(name)-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).json"
    }

    /// Tells something else. If it cannot be written it is not told, which is no reason to fail.
    func write(_ bytes: Bytes) {
        self.descriptor.withLock { descriptor in
            if descriptor < 0 {
                try? Folder.create(self.folder, isPrivate: true)
                Self.removeLeftOver(in: self.folder)
                descriptor = (try? OwnFile.open(self.path, O_RDWR | O_CREAT | O_EXCL)) ?? -1
                // A reader holds the lock for a moment only.
                if descriptor >= 0 { flock(descriptor, LOCK_EX) }
            }
            guard descriptor >= 0 else { return }
            ftruncate(descriptor, 0)
            _ = pwrite(descriptor, bytes, bytes.count, 0)
        }
    }

    /// Tells nothing any more.
    func remove() {
        self.descriptor.withLock { descriptor in
            guard descriptor >= 0 else { return }
            unlink(self.path)
            close(descriptor)
            descriptor = -1
        }
    }

    /// The elements of the lists that processes tell in a folder.
    static func elements(in folder: String) -> [JSONValue] {
        Self.files(in: folder).flatMap { path -> [JSONValue] in
            let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
            guard descriptor >= 0 else { return [] }
            defer { close(descriptor) }
            // A reader that gets the lock finds that the file's process is gone.
            guard flock(descriptor, LOCK_SH | LOCK_NB) != 0 else { return [] }
            guard let data = FileManager.default.contents(atPath: path) else { return [] }
            return (try? JSONValue(parsing: Bytes(data)).array) ?? []
        }
    }

    private static func removeLeftOver(in folder: String) {
        for path in Self.files(in: folder) {
            let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
            guard descriptor >= 0 else { continue }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
            close(descriptor)
        }
    }

    private static func files(in folder: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasSuffix(".json") }.map { "\(folder)/\($0)" }
    }
}
