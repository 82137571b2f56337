// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import TaskRooms

/// Groups entries that come one by one, as long as those of a video and pass are adjacent.
///
/// Nothing but the ids of finished groups is remembered. Entries of a group that was finished before are refused, all
/// of a run in one problem.
struct AdjacentGroups {
    /// A video and pass.
    struct Key: Hashable {
        var uid: String
        var pass: Int
    }

    /// The group that is being collected.
    struct Open {
        var video: Video
        var group: NarrationGroup
        var place: SourcePlace
        /// Tells whether its end is announced by a record of its own.
        var awaitsEnd = false
    }

    /// Entries that are not read.
    private struct Refused {
        var fault: SourceFault
        var key: Key
        var place: SourcePlace
        var raw: Bytes
        var count: Int
    }

    let context: VideoContext
    /// Advice to the user that makes a video's entries adjacent.
    let remedy: String
    /// The group that is being collected; `nil` before the first entry and while entries are refused.
    var open: Open?
    private var refused: Refused?
    private var finished: Set<Key> = []

    init(context: VideoContext, remedy: String) {
        self.context = context
        self.remedy = remedy
    }

    /// The group that entries go to, taken or refused.
    var key: Key? {
        self.open.map { Key(uid: $0.group.videoUID, pass: $0.group.pass) } ?? self.refused?.key
    }

    /// Goes to the group of a key, if it is not there already, and answers what that finished.
    mutating func move(to key: Key, source: String, at place: SourcePlace, raw: () -> Bytes) -> NarrationItem? {
        if self.key == key { return nil }
        return self.begin(Video(videoUID: key.uid, pass: key.pass, source: source), at: place, raw: raw)
    }

    /// Begins a group, and answers what that finished.
    mutating func begin(_ video: Video, at place: SourcePlace, raw: () -> Bytes) -> NarrationItem? {
        let item = self.finish()
        let key = Key(uid: video.videoUID, pass: video.pass)
        if self.finished.contains(key) {
            let fault = SourceFault(
                SourceReason.duplicateVideo, "came before in the file and comes again here: \(self.remedy)")
            self.refused = Refused(fault: fault, key: key, place: place, raw: raw(), count: 0)
        } else {
            self.open = Open(
                video: video, group: NarrationGroup(videoUID: key.uid, pass: key.pass), place: place)
        }
        return item
    }

    /// Tells whether an entry is refused, and counts it if so.
    mutating func refuses() -> Bool {
        if let open = self.open, open.group.isTooLarge {
            let fault = SourceFault(
                SourceReason.videoTooLarge,
                "has more than \(SourceLimits.videoBytesMax >> 20) MiB of narrations, so none of them is handed out: "
                    + "do several videos share an id?")
            self.refused = Refused(
                fault: fault, key: Key(uid: open.group.videoUID, pass: open.group.pass), place: open.place, raw: [],
                count: open.group.narrations.count + open.group.problems.count)
            self.open = nil
        }
        guard self.refused != nil else { return false }
        self.refused?.count += 1
        return true
    }

    /// Finishes the group, and answers what is to be handed out.
    mutating func finish() -> NarrationItem? {
        if let key = self.key { self.finished.insert(key) }
        if let refused = self.refused {
            self.refused = nil
            return .problem(self.problem(refused))
        }
        guard var open = self.open else { return nil }
        self.open = nil
        if open.awaitsEnd {
            let fault = SourceFault(
                SourceReason.missingEnd, "no `end` record follows its narrations: is the file complete?")
            open.group.add(
                fault.problem(
                    at: open.place, entry: "video \(open.group.videoUID), pass \(open.group.pass)",
                    key: open.group.videoUID, raw: Bytes()))
        }
        return self.context.item(open.video, open.group, at: open.place)
    }

    private func problem(_ refused: Refused) -> SourceProblem {
        let what = "video \(refused.key.uid), pass \(refused.key.pass)"
        return SourceProblem(
            reason: refused.fault.reason,
            message: "\(refused.place): \(what): \(refused.fault.message) (\(refused.count) entries from here on)",
            key: refused.key.uid, raw: refused.raw)
    }
}
