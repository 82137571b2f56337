// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Records
import TaskRooms
import Testing
import VideoAnnotations

/// Annotation files in a folder of their own, which is removed when this ends.
final class SourceFolder {
    let url: URL

    init(_ files: [(path: String, text: String)] = []) throws {
        self.url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "dialogues-\(ProcessInfo.processInfo.processIdentifier)-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.url, withIntermediateDirectories: true)
        for file in files { try self.write(file.path, file.text) }
    }

    deinit { try? FileManager.default.removeItem(at: self.url) }

    func write(_ path: String, _ text: String) throws {
        let url = self.url.appendingPathComponent(path)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    func path(_ name: String) -> String { self.url.appendingPathComponent(name).path }
}

/// The videos that an adapter hands out, and what it says of others.
struct SourceVideos {
    var videos: [VideoNarrations] = []
    var problems: [SourceProblem] = []
    var counts: [String: Int] = [:]

    init() {}

    init<Adapter: SourceAdapter>(_ adapter: Adapter) throws where Adapter.Group == VideoNarrations {
        try adapter.read { item in
            switch item {
            case .group(let video):
                self.videos.append(video)
                self.problems += video.problems
                self.counts.merge(video.counts, uniquingKeysWith: +)
            case .problem(let problem): self.problems.append(problem)
            case .count(let reason, let number): self.counts[reason, default: 0] += number
            }
        }
    }

    /// The videos of a folder in the layout that ProAssist expects.
    static func read(_ dataset: String, in folder: SourceFolder) throws -> SourceVideos {
        switch dataset {
        case "ego4d": return try SourceVideos(GoalStepAdapter(annotations: folder.path("goalstep_train.json")))
        case "holoassist": return try SourceVideos(HoloAssistAdapter(annotations: folder.path("holoassist.json")))
        case "egoexolearn":
            return try SourceVideos(
                EgoExoLearnAdapter(annotations: folder.path("annotations/fine_annotation_trainval_en.csv")))
        case "epickitchens":
            let tables = folder.path("epic-kitchens-100-annotations")
            var all = SourceVideos()
            for name in ["EPIC_100_train.csv", "EPIC_100_validation.csv"] {
                let part = try SourceVideos(
                    EpicKitchensAdapter(
                        annotations: "\(tables)/\(name)", videos: "\(tables)/EPIC_100_video_info.csv"))
                all.videos += part.videos
                all.problems += part.problems
                all.counts.merge(part.counts, uniquingKeysWith: +)
            }
            return all
        case "wtag": return try SourceVideos(WTaGAdapter(folder: folder.url.path))
        case "assembly101":
            return try SourceVideos(
                Assembly101Adapter(annotations: folder.path("annotations"), videos: folder.path("videos")))
        default:
            Issue.record("\(dataset) is no source")
            return SourceVideos()
        }
    }
}
