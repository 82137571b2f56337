// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import TaskRooms

/// One exclusion list as it stands in a file.
///
/// It is an NLQ annotation file (`{"videos": [{"video_uid": …, "split": …}]}`) or another of Ego4D's with `videos` or
/// `clips`, a JSON array of ids or of objects with ids, JSON arrays by split (`{"val": ["UID", …]}`), text with one id
/// a line, `#` before comments, or a table, separated by commas, tabs or semicolons, with a column of ids. The split is
/// the entry's own `split`, or else the file's (`"split"` at its top, `# split: val` in text), or else what the name of
/// the file says, or else `test` where the queries lack their windows. Where nothing tells, or what it tells is the
/// name of no split, it is `test`, so that the videos are kept out wherever a test set is, and a note says so.
struct ExclusionFile {
    /// An entry.
    struct Video {
        /// The canonical name that tells it from other entries.
        var id: String
        /// As the file has it.
        var text: String
        /// All of its canonical names, those of its clips included.
        var names: [String]
        /// Its splits, `nil` standing for the file's.
        var splits: [String?]
    }

    let path: String
    /// The entries, each once.
    private(set) var videos: [Video] = []
    private var numbers: [String: Int] = [:]
    private var stated: String?
    private var isUnannotated = true
    private var hasQueries = false
    private var strangeSplits: Set<String> = []

    /// Reads a file.
    ///
    /// - Throws: `SourceError` where it cannot be read or names no video, because it would protect nothing.
    init(reading path: String) throws(SourceError) {
        self.path = path
        let reader = try FileReader.text(path: path)
        var first = try reader.peek()
        while let byte = first, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
            reader.position += 1
            first = try reader.peek()
        }
        if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
            try self.readJSON(reader)
        } else {
            try self.readText(reader)
        }
        guard !self.videos.isEmpty else {
            throw SourceError(
                file: path,
                "names no video, so it would protect nothing: give an NLQ annotation file, or one video id a line")
        }
    }

    // MARK: Splits

    private var known: String? {
        self.stated ?? Self.split(fromPath: self.path) ?? (self.hasQueries && self.isUnannotated ? "test" : nil)
    }

    /// The split of the videos that do not name theirs.
    var split: String { self.known ?? "test" }

    /// Warnings for the user.
    var notes: [String] {
        var notes: [String] = []
        if self.known == nil, self.videos.contains(where: { $0.splits.contains(nil) }) {
            notes.append(
                "\(self.path) does not say which split it lists, so its videos count as `test`: begin it with the line "
                    + "`# split: val`, or name it after its split")
        }
        if !self.strangeSplits.isEmpty {
            let names = self.strangeSplits.sorted().prefix(5).map { "`\($0.prefix(64))`" }.joined(separator: ", ")
            notes.append(
                "\(self.path) names the split \(names), which is not train, val or test: its videos count as `test`")
        }
        return notes
    }

    /// The name of a split as topologies spell it. One that they do not know would keep nothing out, so it is `test`.
    private mutating func splitName(_ text: String) -> String? {
        if text.trimming().isEmpty { return nil }
        if let name = Self.knownSplit(text) { return name }
        self.strangeSplits.insert(text)
        return "test"
    }

    private static func knownSplit(_ text: some StringProtocol) -> String? {
        let name = text.trimming().lowercased()
        if name.hasPrefix("val") || name == "dev" { return "val" }
        if name.hasPrefix("test") { return "test" }
        return name.hasPrefix("train") ? "train" : nil
    }

    /// The split that the name of a file tells of: `nlq_val.json`, `nlq_test_unannotated.json`; `nil` where it tells of
    /// none or of several.
    private static func split(fromPath path: String) -> String? {
        let name = path.split(separator: "/").last?.lowercased() ?? ""
        let found = Set(name.split { !$0.isLetter }.compactMap { Self.knownSplit($0) })
        return found.count == 1 ? found.first : nil
    }

    // MARK: Entries

    /// Takes an entry: the first of its ids tells it from others.
    private mutating func add(_ ids: [String], split: String?) {
        let named = ids.map { (text: $0, names: RecordingName.listed($0)) }
        guard let first = named.first(where: { !$0.names.isEmpty }), let id = first.names.last else { return }
        let names = named.flatMap(\.names)
        guard let number = self.numbers[id] else {
            self.numbers[id] = self.videos.count
            self.videos.append(Video(id: id, text: first.text, names: names, splits: [split]))
            return
        }
        for name in names where !self.videos[number].names.contains(name) { self.videos[number].names.append(name) }
        if !self.videos[number].splits.contains(split) { self.videos[number].splits.append(split) }
    }

    /// Names that files give to the id of a video, and to that of a clip.
    private static let videoFields = ["video_uid", "video_id", "video_name", "recording_id", "uid", "video"]
    private static let clipFields = ["clip_uid", "clip_id", "source_clip_uid", "exported_clip_uid"]

    // MARK: JSON

    private static let splitFields: Set<String> = ["train", "val", "validation", "valid", "test"]

    private mutating func readJSON(_ reader: FileReader) throws(SourceError) {
        let opened = Self.splitFields.union(["videos", "clips"])
        var splitter = JSONSplitter(reader, layout: JSONLayout(opening: opened, taking: ["split"]))
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
            self.stated = value.string.flatMap { self.splitName($0) }
            return
        }
        var ids = value.string.map { [$0] } ?? Self.ids(in: value, Self.videoFields)
        if ids.isEmpty, let key = piece.key { ids = [key] }
        var clips = Self.ids(in: value, Self.clipFields)
        for clip in value["clips"]?.array ?? [] { clips += Self.ids(in: clip, Self.clipFields) }
        if value["clips"] != nil { self.lookForWindows(in: piece.bytes) }
        ids += clips
        guard ids.contains(where: { !$0.isEmpty }) else { throw JSONError("a video without `video_uid`", offset: 0) }
        let own = value["split"]?.string.flatMap { self.splitName($0) }
        let container = piece.container.flatMap { Self.splitFields.contains($0) ? Self.knownSplit($0) : nil }
        self.add(ids, split: own ?? container)
    }

    private static func ids(in value: JSONValue, _ fields: [String]) -> [String] {
        fields.compactMap { value[$0]?.string }.filter { !$0.isEmpty }
    }

    /// Queries without windows are those of a test set.
    private mutating func lookForWindows(in video: Bytes) {
        guard let queries = try? AnnotationFile.Video(lenient: video).queries, !queries.isEmpty else { return }
        self.hasQueries = true
        if queries.contains(where: { $0.start != nil || $0.videoStart != nil }) { self.isUnannotated = false }
    }

    // MARK: Text and tables

    /// The columns in which a table has its ids.
    private struct Columns {
        var ids: [Int]
        var split: Int?

        /// `nil` where a row is not the header of such a table.
        init?(_ cells: [String]) {
            let names = cells.map { $0.trimming().lowercased() }
            self.ids = (ExclusionFile.videoFields + ExclusionFile.clipFields).compactMap { names.firstIndex(of: $0) }
            self.split = names.firstIndex(of: "split")
            if self.ids.isEmpty { return nil }
        }
    }

    private mutating func readText(_ reader: FileReader) throws(SourceError) {
        var rows = DelimitedText(sniffing: reader)
        var columns: Columns?
        while true {
            // In a table a narration may be first in its row, and begin like a comment.
            if columns == nil { try self.passComments(reader) }
            guard try rows.next() else { return }
            let cells = try rows.cells()
            if let columns {
                try self.add(cells, columns, line: rows.line)
            } else if cells.first?.trimming().hasPrefix("#") == true {
                self.comment(cells.joined(separator: " "))
            } else if self.videos.isEmpty, let found = Columns(cells) {
                columns = found
            } else if let id = cells.first?.split(whereSeparator: { ",;\t ".contains($0) }).first {
                self.add([try self.checked(String(id), line: rows.line)], split: nil)
            }
        }
    }

    /// Goes past comments and empty lines.
    private mutating func passComments(_ reader: FileReader) throws(SourceError) {
        while let byte = try reader.peek() {
            if byte == UInt8(ascii: "#") {
                var lines = LineReader(reader)
                if try lines.next() { self.comment(String(decoding: lines.bytes, as: UTF8.self)) }
            } else if byte == 0x0a || byte == 0x0d {
                reader.position += 1
            } else {
                return
            }
        }
    }

    private mutating func comment(_ text: String) {
        let words = text.trimming().dropFirst().split { $0 == ":" || $0 == " " || $0 == "\t" || $0 == "=" }
        if words.count == 2, words[0].lowercased() == "split" { self.stated = self.splitName(String(words[1])) }
    }

    private mutating func add(_ cells: [String], _ columns: Columns, line: Int) throws(SourceError) {
        let ids = columns.ids.filter { cells.indices.contains($0) }.map { cells[$0] }.filter { !$0.trimming().isEmpty }
        guard !ids.isEmpty else {
            if cells[0].trimming().hasPrefix("#") { return self.comment(cells.joined(separator: " ")) }
            throw SourceError(file: self.path, line: line, "has no video id in the column of ids")
        }
        for id in ids { _ = try self.checked(id, line: line) }
        let split = columns.split.flatMap { cells.indices.contains($0) ? cells[$0] : nil }
        self.add(ids, split: split.flatMap { self.splitName($0) })
    }

    /// A stray quote would swallow the ids of the lines behind it.
    private func checked(_ id: String, line: Int) throws(SourceError) -> String {
        guard id.contains(where: \.isNewline) else { return id }
        throw SourceError(
            file: self.path, line: line,
            "a double quote before an id takes in the lines behind it: remove the quote, or close it on its line")
    }
}
