// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import DurableFiles
import Foundation
import TaskRooms
import Testing

@testable import FrameFeatures

/// A folder of videos as a source.
@Suite struct VideosAdapterTests {
    @Test func filesAreVideosByTheirEnding() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "millrace-source-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        for name in ["b.mp4", "a/c.MKV", "a/b.webm", "note.txt", ".hidden.mp4", "mp4"] {
            let file = folder.appending(path: name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try OutputFile.write([1, 2, 3], to: file.path)
        }
        var videos: [VideoFile] = [], problems: [SourceProblem] = [], counts: [String: Int] = [:]
        try VideosAdapter(folder: folder.path).read { item in
            switch item {
            case .group(let group): videos.append(group.file)
            case .problem(let problem): problems.append(problem)
            case .count(let reason, let number): counts[reason, default: 0] += number
            }
        }
        #expect(
            videos == [
                VideoFile(videoUID: "b", path: "a/b.webm", bytes: 3),
                VideoFile(videoUID: "c", path: "a/c.MKV", bytes: 3),
            ])
        #expect(problems.map(\.reason) == ["duplicate-video"] && problems.first?.key == "b")
        #expect(counts == ["other-files": 3])
    }

    @Test func anEmptyOrMissingFolderIsAnError() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "millrace-source-\(UUID())")
        #expect(throws: SourceError.self) { try VideosAdapter(folder: folder.path).read { _ in } }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(throws: SourceError.self) { try VideosAdapter(folder: folder.path).read { _ in } }
    }

    @Test func recordsGoThereAndBack() throws {
        for record in [VideoRecord.file(VideoFile(videoUID: "v", path: "a/v.mp4", bytes: 7)), .end(videoUID: "v")] {
            let again = try JSONScanner.scan(record.json) { json throws(JSONError) in try VideoRecord(json: &json) }
            #expect(again == record)
        }
    }
}
