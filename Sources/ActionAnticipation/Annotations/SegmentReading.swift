// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import TaskRooms

/// An element of `clips` of a long-term anticipation file, read. All fields but the clip, the rank and the times are
/// optional: train, val and test files of both versions have others.
struct SegmentReading {
    var clipUID: String
    var videoUID: String?
    var startSec: Double?
    var segment: ActionSegment
    /// A label that is no place in the taxonomy; the segment is kept without labels, since its time is good.
    var labelFault: SourceFault?
    /// Tells whether a label's text is another in the taxonomy, as where it is of another version.
    var isOtherText = false

    /// Frames a second, for files that say frames and no seconds.
    private static let rate = 30.0

    init(_ object: ShallowObject, clipUID: String, _ taxonomy: Taxonomy) throws(SourceFault) {
        let entry = try object.entry(
            "video_uid", "action_idx", "action_clip_start_sec", "action_clip_end_sec", "action_clip_start_frame",
            "action_clip_end_frame", "clip_parent_start_sec", "clip_parent_start_frame", "verb_label", "noun_label",
            "verb", "noun")
        self.clipUID = clipUID
        self.videoUID = try entry.textIfAny("video_uid").flatMap { $0.isEmpty ? nil : $0 }
        if let videoUID { try Self.check(uid: videoUID, "video_uid") }
        guard let rank = try entry.whole("action_idx", in: 0...1_000_000_000) else {
            throw SourceFault(
                SourceReason.missingKey, "`action_idx` is missing: it orders segments and names predictions")
        }
        let start = try Self.time(entry, "action_clip_start")
        let end = try Self.time(entry, "action_clip_end")
        guard let start, let end else {
            throw SourceFault(
                SourceReason.missingKey,
                "`\(start == nil ? "action_clip_start_sec" : "action_clip_end_sec")` is missing: give seconds of "
                    + "the clip"
            )
        }
        guard end >= start else {
            throw SourceFault(
                "reversed-interval",
                "`action_clip_end_sec` (\(end)) lies before `action_clip_start_sec` (\(start)): swap or correct them")
        }
        self.startSec = try Self.time(entry, "clip_parent_start")
        self.segment = ActionSegment(rank: rank, startSec: start, endSec: end, verb: nil, noun: nil)
        do throws(SourceFault) {
            let verb = try Self.label("verb", entry, taxonomy.verbs)
            let noun = try Self.label("noun", entry, taxonomy.nouns)
            self.segment.verb = verb?.place
            self.segment.noun = noun?.place
            self.isOtherText = verb?.isOtherText == true || noun?.isOtherText == true
            if (verb == nil) != (noun == nil) {
                throw SourceFault(
                    SourceReason.missingKey,
                    "`\(verb == nil ? "verb_label" : "noun_label")` is missing, and the other label is there: the "
                        + "segment is "
                        + "kept without labels")
            }
        } catch {
            self.segment.verb = nil
            self.segment.noun = nil
            self.labelFault = error
        }
    }

    /// A clip's or video's id must fit in keys, and in the name of a file.
    static func check(uid: String, _ field: String) throws(SourceFault) {
        guard !uid.isEmpty, uid.utf8.count <= 1024 else {
            throw SourceFault("bad-uid", "`\(field)` has \(uid.utf8.count) bytes, and 1 to 1024 are taken")
        }
    }

    /// A time in seconds; of frames where there are no seconds.
    private static func time(_ entry: SourceEntry, _ name: String) throws(SourceFault) -> Double? {
        let seconds = try entry.secondsIfAny(name + "_sec")
        let frame = seconds == nil ? try entry.secondsIfAny(name + "_frame") : nil
        guard let time = seconds ?? frame.map({ $0 / Self.rate }) else { return nil }
        guard time >= 0, time <= 1_000_000 else {
            throw SourceFault(
                "time-out-of-range",
                "`\(name)\(seconds == nil ? "_frame" : "_sec")` is \(seconds ?? frame ?? 0): a time is 0 to 1000000 "
                    + "seconds"
            )
        }
        return time
    }

    /// A label: the place that the file says, or that of its text; none where both are missing, or it is -1.
    private static func label(
        _ name: String, _ entry: SourceEntry, _ texts: [String]
    ) throws(SourceFault) -> (place: Int, isOtherText: Bool)? {
        let text = try entry.textIfAny(name)
        guard let place = try entry.whole(name + "_label", in: -1...1_000_000_000), place >= 0 else {
            guard let text, let place = texts.firstIndex(of: text) else {
                if let text {
                    throw SourceFault(
                        "unknown-label",
                        "`\(name)` is \"\(text.prefix(80))\", which the taxonomy does not have; give the taxonomy of the same "
                            + "version. The segment is kept without labels")
                }
                return nil
            }
            return (place, false)
        }
        guard place < texts.count else {
            throw SourceFault(
                "label-out-of-range",
                "`\(name)_label` is \(place), and the taxonomy has \(texts.count) \(name)s (0 to "
                    + "\(texts.count - 1)); give the "
                    + "taxonomy of the same version. The segment is kept without labels")
        }
        return (place, text.map { $0 != texts[place] } ?? false)
    }
}

extension SourceEntry {
    /// A whole number in a range, or `nil` where there is none.
    func whole(_ field: String, in range: ClosedRange<Int>) throws(SourceFault) -> Int? {
        guard let number = try self.secondsIfAny(field) else { return nil }
        guard let whole = Int(exactly: number), range.contains(whole) else {
            throw SourceFault(
                SourceReason.wrongType,
                "`\(field)` is \(number), and should be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return whole
    }
}
