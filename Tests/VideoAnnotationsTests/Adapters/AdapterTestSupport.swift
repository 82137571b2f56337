// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Records
import TaskRooms
import VideoAnnotations

/// A file of this run of the tests; all of them are removed when it ends.
struct TemporaryFile {
    let url: URL
    var path: String { self.url.path }

    init(_ bytes: Bytes, name: String = "file.json") throws {
        let folder = Self.root.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        self.url = folder.appendingPathComponent(name)
        try Data(bytes).write(to: self.url)
    }

    init(_ text: String, name: String = "file.json") throws { try self.init(Bytes(text.utf8), name: name) }

    private static let root: URL = {
        let name = "adapter-tests-\(ProcessInfo.processInfo.processIdentifier)"
        atexit { try? FileManager.default.removeItem(at: TemporaryFile.root) }
        return FileManager.default.temporaryDirectory.appendingPathComponent(name)
    }()
}

/// All that an adapter hands out, and the error it ended with.
struct Harvest {
    var videos: [VideoNarrations] = []
    var problems: [SourceProblem] = []
    var counts: [String: Int] = [:]
    var error: SourceError?

    init<Adapter: SourceAdapter>(_ adapter: Adapter) throws where Adapter.Group == VideoNarrations {
        do {
            try adapter.read { self.add($0) }
        } catch let error as SourceError { self.error = error }
    }

    private mutating func add(_ item: NarrationItem) {
        switch item {
        case .group(let video):
            self.videos.append(video)
            self.counts.merge(video.counts, uniquingKeysWith: +)
        case .problem(let problem): self.problems.append(problem)
        case .count(let reason, let number): self.counts[reason, default: 0] += number
        }
    }

    var texts: [[String]] { self.videos.map { $0.narrations.map(\.text) } }
    var times: [[Double]] { self.videos.map { $0.narrations.map(\.timestampSec) } }
    /// The reasons of all problems, those of videos included.
    var reasons: [String] { (self.problems + self.videos.flatMap(\.problems)).map(\.reason) }
}

/// The real annotation files beside the checkout, which are no part of it.
enum SharedData {
    static let folder: URL = {
        var root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        for _ in 0..<4 { root.deleteLastPathComponent() }
        return root.deletingLastPathComponent().appendingPathComponent("shared/data")
    }()

    static func path(_ name: String) -> String { self.folder.appendingPathComponent(name).path }

    static func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: self.path(name)) }
}
