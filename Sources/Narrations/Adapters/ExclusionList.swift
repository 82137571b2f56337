// SPDX-License-Identifier: Apache-2.0

internal import Records

/// Which videos occur in which splits of the Natural Language Queries benchmark, so that none of them leaks into
/// training data.
///
/// A file is an NLQ annotation file (`{"videos": [{"video_uid": …, "split": …}]}`), a JSON array of ids, text with one
/// id a line, `#` before comments, or a table with a column `video_uid` or `video_id`. The split is the video's own `split`, or else the file's (`"split"` at its top,
/// `# split: val` in text), or else what the name of the file says, or else `test` where the queries lack their windows.
/// Where nothing tells, it is `test`, so that the videos are kept out wherever a test set is, and a note says so.
public struct ExclusionList: Sendable {
    private var splitsOfVideo: [String: [String]] = [:]
    /// Which splits had to be guessed.
    public private(set) var notes: [String] = []

    /// Reads lists.
    ///
    /// - Throws: `SourceError` where a file cannot be read or names no video, because it would protect nothing.
    public init(paths: [String]) throws(SourceError) {
        for path in paths { try self.add(path) }
    }

    /// The number of videos.
    public var count: Int { self.splitsOfVideo.count }

    /// The splits that a video occurs in, sorted; none for a video of no list.
    public func splits(of videoUID: String) -> [String] { self.splitsOfVideo[videoUID] ?? [] }

    private mutating func add(_ path: String) throws(SourceError) {
        let reader = try FileReader.text(path: path)
        var first = try reader.peek()
        while let byte = first, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
            reader.position += 1
            first = try reader.peek()
        }
        var file = ExclusionFile(path: path)
        if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
            try file.readJSON(reader)
        } else {
            try file.readText(reader)
        }
        guard !file.videos.isEmpty else {
            throw SourceError(
                file: path,
                "names no video, so it would protect nothing: give an NLQ annotation file, or one video id a line")
        }
        for (uid, split) in file.videos { self.insert(split ?? file.split, for: uid) }
        if file.isGuess, file.videos.contains(where: { $0.split == nil }) {
            self.notes.append(
                "\(path) does not say which split it lists, so its videos count as `test`: begin it with the line "
                    + "`# split: val`, or name it after its split")
        }
    }

    private mutating func insert(_ split: String, for uid: String) {
        var splits = self.splitsOfVideo[uid] ?? []
        guard !splits.contains(split) else { return }
        splits.append(split)
        splits.sort()
        self.splitsOfVideo[uid] = splits
    }

    /// The name of a split as topologies spell it.
    static func splitName(_ text: String) -> String {
        let name = text.lowercased()
        if name.hasPrefix("val") { return "val" }
        if name.hasPrefix("test") { return "test" }
        if name.hasPrefix("train") { return "train" }
        return name
    }

    /// The split that the name of a file tells of: `nlq_val.json`, `nlq_test_unannotated.json`; `nil` where it tells of
    /// none or of several.
    static func split(fromPath path: String) -> String? {
        let name = path.split(separator: "/").last?.lowercased() ?? ""
        let words = name.split { !$0.isLetter }
        let found = Set(words.map { Self.splitName(String($0)) }).intersection(["train", "val", "test"])
        return found.count == 1 ? found.first : nil
    }
}

/// One exclusion list while it is read.
private struct ExclusionFile {
    let path: String
    var videos: [(uid: String, split: String?)] = []
    private var stated: String?
    private var isUnannotated = true
    private var hasQueries = false

    init(path: String) { self.path = path }

    private var known: String? {
        self.stated ?? ExclusionList.split(fromPath: self.path)
            ?? (self.hasQueries && self.isUnannotated ? "test" : nil)
    }

    /// The split of the videos that do not name theirs.
    var split: String { self.known ?? "test" }

    /// Whether `split` is a guess.
    var isGuess: Bool { self.known == nil }

    mutating func readJSON(_ reader: FileReader) throws(SourceError) {
        var splitter = JSONSplitter(reader, layout: JSONLayout(opening: ["videos"], taking: ["split"]))
        while let piece = try splitter.next() {
            guard !piece.isCut else {
                throw SourceError(file: self.path, line: piece.line, offset: piece.offset, "a video of over 32 MiB")
            }
            do throws(JSONError) {
                try self.read(piece)
            } catch {
                throw SourceError(
                    file: self.path, line: piece.line, offset: piece.offset + error.offset,
                    "\(error.message): expected an NLQ annotation file or a list of video ids")
            }
        }
    }

    private mutating func read(_ piece: JSONPiece) throws(JSONError) {
        let value = try JSONValue(parsing: piece.bytes)
        if piece.container == nil, piece.key == "split" {
            self.stated = value.string.map(ExclusionList.splitName)
            return
        }
        let uid = value.string ?? value["video_uid"]?.string ?? piece.key
        guard let uid, !uid.isEmpty else { throw JSONError("a video without `video_uid`", offset: 0) }
        self.videos.append((uid, value["split"]?.string.map(ExclusionList.splitName)))
        for clip in value["clips"]?.array ?? [] {
            for annotation in clip["annotations"]?.array ?? [] {
                for query in annotation["language_queries"]?.array ?? [] {
                    self.hasQueries = true
                    if query["clip_start_sec"] != nil || query["video_start_sec"] != nil { self.isUnannotated = false }
                }
            }
        }
    }

    mutating func readText(_ reader: FileReader) throws(SourceError) {
        var lines = LineReader(reader)
        var column: Int?
        while try lines.next() {
            guard !lines.isTooLong, let line = String(validating: lines.bytes, as: UTF8.self) else {
                throw SourceError(
                    file: self.path, line: lines.line, "is not text in UTF-8: give one video id a line")
            }
            let text = line.trimming()
            if text.hasPrefix("#") {
                let words = text.dropFirst().split { $0 == ":" || $0 == " " || $0 == "\t" }
                if words.count == 2, words[0].lowercased() == "split" {
                    self.stated = ExclusionList.splitName(String(words[1]))
                }
            } else if let index = column {
                let cells = Self.cells(text)
                guard cells.indices.contains(index), !cells[index].isEmpty else {
                    throw SourceError(file: self.path, line: lines.line, "has no video id in the column of ids")
                }
                self.videos.append((uid: cells[index], split: nil))
            } else if self.videos.isEmpty, let index = Self.cells(text).firstIndex(where: Self.isIDColumn) {
                column = index
            } else if let uid = text.split(whereSeparator: { $0 == "," || $0 == "\t" || $0 == " " }).first {
                self.videos.append((uid: String(uid), split: nil))
            }
        }
    }

    /// The cells of a table's row, as far as ids need it: ids hold neither quotes nor separators.
    private static func cells(_ line: some StringProtocol) -> [String] {
        line.split(omittingEmptySubsequences: false) { $0 == "," || $0 == "\t" }
            .map { cell in String(cell.filter { $0 != "\"" && $0 != " " }) }
    }

    private static func isIDColumn(_ name: String) -> Bool { ["video_uid", "video_id"].contains(name.lowercased()) }
}
