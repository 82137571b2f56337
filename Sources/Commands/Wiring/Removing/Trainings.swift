// SPDX-License-Identifier: Apache-2.0

import Codecs
import DurableFiles
import Foundation
import Records
import Training

/// The training runs over the sets of a home: a file each in the home's folder `trainings`, so that whoever drops a set
/// learns whose plans go by it.
///
/// A file stays, and is locked for as long as its run is at work.
enum Trainings {
    /// A run as its file tells it.
    struct Run: Hashable {
        /// The folder of the run.
        var folder: String
        /// The set that it draws samples from.
        var set: String
        /// Tells whether it is at work.
        var isLive: Bool

        /// The journal of its segments.
        var plan: String { "\(self.folder)/\(PlanJournal.fileName)" }

        /// The segments in the journal; `nil` where it cannot be read.
        var segments: Int? { try? PlanJournal(following: self.plan).segments.count }

        /// The checkpoints in the folder.
        var checkpoints: [String] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: self.folder)) ?? []
            return names.filter { $0.hasSuffix(".safetensors") }.sorted()
        }
    }

    /// The note of this process; its end gives the lock back.
    final class Note {
        private let descriptor: Int32

        fileprivate init(descriptor: Int32) { self.descriptor = descriptor }

        deinit { close(self.descriptor) }
    }

    private static let bytesMax = 1 << 16

    /// Notes that a run draws from a set. In a home that may not be written, there is no note.
    static func note(_ folder: String, set: String, in home: Home) -> Note? {
        let folder = URL(fileURLWithPath: folder).standardizedFileURL.path
        var json = JSONWriter()
        json.beginObject()
        json.field("folder", folder)
        json.field("set", set)
        json.endObject()
        guard (try? Folder.create(home.trainingsFolder, isPrivate: true)) != nil,
            let descriptor = try? OwnFile.open(
                "\(home.trainingsFolder)/\(ContentHash.sha256(Bytes(folder.utf8)).prefix(32)).json", O_RDWR | O_CREAT)
        else { return nil }
        // Whoever looks holds the lock for a moment only; another process in the same folder keeps it.
        for _ in 0..<20 where flock(descriptor, LOCK_EX | LOCK_NB) != 0 { usleep(1_000) }
        ftruncate(descriptor, 0)
        _ = json.bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        return Note(descriptor: descriptor)
    }

    /// The runs over some sets whose journals are still there.
    static func over(_ sets: [String], in home: Home) -> [Run] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: home.trainingsFolder)) ?? []
        return names.filter { $0.hasSuffix(".json") }.sorted().compactMap { name -> Run? in
            guard let descriptor = try? OwnFile.open("\(home.trainingsFolder)/\(name)", O_RDONLY) else { return nil }
            defer { close(descriptor) }
            let isLive = flock(descriptor, LOCK_SH | LOCK_NB) != 0
            guard let bytes = try? OwnFile.contents("\(home.trainingsFolder)/\(name)", bytesMax: Self.bytesMax),
                let json = try? JSONValue(parsing: bytes), let folder = json["folder"]?.string,
                let set = json["set"]?.string, sets.contains(set)
            else { return nil }
            let run = Run(folder: folder, set: set, isLive: isLive)
            return isLive || FileManager.default.fileExists(atPath: run.plan) ? run : nil
        }
    }
}

extension Home {
    /// The folder in which training runs note the sets that they draw from.
    var trainingsFolder: String { self.path + "/trainings" }
}
