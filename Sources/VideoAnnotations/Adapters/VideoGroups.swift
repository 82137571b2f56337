// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import TaskRooms

/// The groups of joined videos: GoalStep's `goalstep_video_groups.tsv`.
///
/// A row has a column `video_group`, a list of ids as Python writes it: `['UID', 'UID']`. The group is called `grp-`
/// and the first of them.
struct VideoGroups: Sendable {
    /// The canonical names of the members, by that of the first.
    private var members: [String: [String]] = [:]
    /// The firsts of the groups that hold a video.
    private var holders: [String: [String]] = [:]

    /// Reads a table.
    ///
    /// - Throws: `SourceError` where the file cannot be read, or a row names no video.
    init(path: String) throws(SourceError) {
        var table = DelimitedText(sniffing: try FileReader.text(path: path))
        var column: Int?
        while try table.next() {
            let cells = try table.cells()
            guard let place = column else {
                column = cells.firstIndex { $0.trimming().lowercased() == "video_group" }
                if column == nil {
                    throw SourceError(
                        file: path, line: table.line,
                        "the header has no `video_group`: give goalstep_video_groups.tsv, with a list of ids a row")
                }
                continue
            }
            let ids = cells.indices.contains(place) ? Self.ids(cells[place]) : []
            guard let first = ids.first else {
                throw SourceError(
                    file: path, line: table.line,
                    "`video_group` names no video: expected a list such as ['UID', 'UID']")
            }
            self.add(ids, first: first)
        }
        if self.members.isEmpty {
            throw SourceError(file: path, "holds no group: give goalstep_video_groups.tsv, with a list of ids a row")
        }
    }

    private mutating func add(_ ids: [String], first: String) {
        for id in ids {
            if self.members[first]?.contains(id) != true { self.members[first, default: []].append(id) }
            if self.holders[id]?.contains(first) != true { self.holders[id, default: []].append(first) }
        }
    }

    private static func ids(_ list: String) -> [String] {
        list.split { "[](){},;'\" \t\r\n".contains($0) }.compactMap { text in
            let name = RecordingName.canonical(String(text))
            return name.isEmpty ? nil : RecordingName.firstOfGroup(name) ?? name
        }
    }

    /// The canonical names of all videos of the group that is called after one of them; `nil` where no row has it.
    ///
    /// A group is called after its first. Should a table have that video elsewhere alone, whatever is joined with it
    /// there counts.
    func members(ofGroupNamedAfter video: String) -> [String]? {
        if let members = self.members[video] { return members }
        guard let holders = self.holders[video] else { return nil }
        return Set(holders.flatMap { self.members[$0] ?? [] }).sorted()
    }
}
