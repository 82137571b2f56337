// SPDX-License-Identifier: Apache-2.0

public import Dataflow
import DurableFiles
import Foundation
public import TaskRooms

/// A folder of videos: each file is one, and its name without the ending is the video's id. Folders below are looked
/// through; files of other endings are counted (`other-files`). They come in the order of their paths.
public struct VideosAdapter: ConfigurableAdapter {
    static let folder = Field("folder", required: "videos", help: "The folder of videos; folders below count, too.")

    /// Its name, help and fields.
    public static let specification = SourceSpecification(
        name: "videos", summary: "A folder of video files, for features of their frames.", fields: [Self.folder],
        examples: ["millrace ingest videos --folder v2/video_540ss"])
    /// The topic that its records go to.
    public static let topic = "videos"

    /// The endings of files that are taken for videos, in lower case.
    public static let endings: Set<String> = [
        "mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "ts", "mts", "m2ts", "wmv", "asf", "flv", "ogv",
        "mxf", "nut",
        "3gp",
    ]
    /// The most files of a folder.
    static let filesMax = 10_000_000

    private let path: String

    /// Takes a folder.
    public init(_ configuration: Configuration) throws { self.init(folder: configuration[Self.folder]) }

    /// Takes a folder, which `read` looks through.
    public init(folder: String) { self.path = folder }

    /// Lists the folder.
    public func read(progress: ProgressHandler?, _ body: (SourceItem<VideoGroup>) throws -> Void) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: self.path, isDirectory: &isFolder), isFolder.boolValue else {
            throw SourceError(file: self.path, isMissing: true, "is no folder; name the one that holds the videos")
        }
        guard let walk = FileManager.default.enumerator(atPath: self.path) else {
            throw SourceError(file: self.path, "the folder cannot be listed; is it yours to read?")
        }
        var files: [VideoFile] = [], others = 0
        while let name = walk.nextObject() as? String {
            guard files.count + others < Self.filesMax else {
                throw SourceError(file: self.path, "holds more than \(Self.filesMax) files: is it the right folder?")
            }
            guard walk.fileAttributes?[.type] as? FileAttributeType != .typeDirectory else { continue }
            let last = name.split(separator: "/").last.map(String.init) ?? name
            guard !last.hasPrefix("."), let dot = last.lastIndex(of: "."), dot > last.startIndex,
                Self.endings.contains(last[last.index(after: dot)...].lowercased())
            else {
                others += 1
                continue
            }
            let size = (try? InputFile(path: self.path + "/" + name).size) ?? 0
            files.append(VideoFile(videoUID: String(last[..<dot]), path: name, bytes: size))
        }
        guard !files.isEmpty else {
            throw SourceError(
                file: self.path,
                "holds no video: of \(others) files none ends in \(Self.endings.sorted().joined(separator: ", "))")
        }
        if others > 0 { try body(.count(reason: "other-files", number: others)) }
        try self.hand(files, over: body)
    }

    private func hand(_ files: [VideoFile], over body: (SourceItem<VideoGroup>) throws -> Void) throws {
        var seen: [String: String] = [:]
        for file in files.sorted(by: { $0.path < $1.path }) {
            if let first = seen[file.videoUID] {
                let message =
                    "\(self.path)/\(file.path): the video \(file.videoUID.prefix(128)) is \(first), too; rename one of them"
                try body(
                    .problem(
                        SourceProblem(
                            reason: "duplicate-video", message: message, key: file.videoUID, raw: Array(file.path.utf8))
                    ))
                continue
            }
            seen[file.videoUID] = file.path
            try body(.group(VideoGroup(file)))
        }
    }
}

/// A video, as an ingest writes it: whole, and once.
public struct VideoGroup: RecordGroup, Hashable {
    /// The file.
    public var file: VideoFile

    /// The words for videos in reports.
    public static let words = GroupWords(groups: "videos", wholeGroups: "videos", records: "files")

    /// Takes a file.
    public init(_ file: VideoFile) { self.file = file }

    /// The video's id.
    public var name: String { self.file.videoUID }
    /// The video's id.
    public var key: String { self.file.videoUID }
    /// None: the file is in the first record.
    public var count: Int { 0 }

    /// The file's record.
    public func first(revision: Int) -> VideoRecord {
        var file = self.file
        file.revision = revision
        return .file(file)
    }

    /// Nothing lies between the first record and the last.
    public func forEach(_ body: (VideoRecord) -> Void) {}

    /// The record that says that the video is complete.
    public var end: VideoRecord { .end(videoUID: self.file.videoUID) }
}
