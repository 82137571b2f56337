// SPDX-License-Identifier: Apache-2.0

import Records
public import TaskRooms

/// The videos that occur in each split of the Natural Language Queries benchmark, so that none of them leaks into
/// training data.
///
/// A video is in a list by any of its names (`RecordingName`): its id, its clips' ids, and of recordings that were
/// joined to one each member's. `ExclusionFile` says how a list is read, and where an entry's split comes from.
public struct ExclusionList: Sendable {
    /// The lists' answer about a video.
    struct Match {
        /// The splits it occurs in, sorted.
        var splits: [String] = []
        /// The entries that name it.
        var entries: [SourceList.Entry] = []
    }

    private struct Listing {
        var entry: SourceList.Entry
        var split: String
    }

    private var listings: [String: [Listing]] = [:]
    private var videos: Set<String> = []
    /// The files, in the order in which they were given.
    public private(set) var files: [SourceList] = []
    /// Splits that had to be guessed, and other warnings for the user.
    public private(set) var notes: [String] = []

    /// Reads lists.
    ///
    /// - Throws: `SourceError` where a file cannot be read or names no video, because it would protect nothing.
    public init(paths: [String]) throws(SourceError) { try self.init(paths: paths, groups: nil) }

    /// Reads lists; where one names recordings that were joined to one, it means each of them.
    init(paths: [String], groups: VideoGroups?) throws(SourceError) {
        for path in paths { try self.add(path, groups) }
    }

    /// The number of different videos.
    public var count: Int { self.videos.count }

    /// The splits that a video occurs in, sorted; none for a video of no list.
    public func splits(of videoUID: String) -> [String] { self.match([RecordingName.canonical(videoUID)]).splits }

    /// Looks a video up in the lists by its canonical names.
    func match(_ names: [String]) -> Match {
        var match = Match()
        for name in names {
            for listing in self.listings[name] ?? [] {
                if !match.splits.contains(listing.split) { match.splits.append(listing.split) }
                if !match.entries.contains(listing.entry) { match.entries.append(listing.entry) }
            }
        }
        match.splits.sort()
        return match
    }

    private mutating func add(_ path: String, _ groups: VideoGroups?) throws(SourceError) {
        let file = try ExclusionFile(reading: path)
        var unknownGroups = 0
        for (number, video) in file.videos.enumerated() {
            let entry = SourceList.Entry(file: self.files.count, id: number)
            self.videos.insert(video.id)
            var names = video.names
            for first in video.names.compactMap(RecordingName.firstOfGroup) {
                let members = groups?.members(ofGroupNamedAfter: first)
                if members == nil { unknownGroups += 1 }
                names += members ?? [first]
            }
            for name in Set(names) {
                for split in video.splits {
                    self.listings[name, default: []].append(Listing(entry: entry, split: split ?? file.split))
                }
            }
        }
        let splits = Set(file.videos.flatMap(\.splits).map { $0 ?? file.split }).sorted()
        self.files.append(
            SourceList(path: path, splits: splits, ids: file.videos.count, example: file.videos.first?.text ?? ""))
        self.notes += file.notes
        if splits == ["train"] {
            self.notes.append(
                "\(path) lists videos of the split `train` alone, which topologies let pass unless their `exclude-splits` says "
                    + "`train`")
        }
        if unknownGroups > 0 {
            self.notes.append(
                "\(path) lists \(unknownGroups) groups of joined videos, and which videos they hold is not known, so only the "
                    + "first of each is kept out: add --groups goalstep_video_groups.tsv")
        }
    }
}
