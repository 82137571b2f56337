// SPDX-License-Identifier: Apache-2.0

import Codecs
import Records
import TaskRooms

extension SourceFault {
    /// Checks that a number is a time in a video.
    static func check(seconds: Double, field: String) throws(SourceFault) {
        if seconds >= 0, seconds <= SourceLimits.secondsMax { return }
        guard seconds.isFinite else {
            throw SourceFault(
                SourceReason.notANumber, "`\(field)` is \(seconds): give the time in seconds or leave the entry out")
        }
        if seconds < 0 {
            throw SourceFault(
                SourceReason.negativeTime, "`\(field)` is \(seconds): a time in a video is 0 or more seconds")
        }
        throw SourceFault(
            SourceReason.timeOutOfRange,
            "`\(field)` is \(seconds): more than \(Int(SourceLimits.secondsMax)) s; is it in seconds?")
    }

    /// Checks that two times make an interval; one that has no length does.
    static func check(_ interval: Interval, start: String, end: String) throws(SourceFault) {
        try self.check(seconds: interval.start, field: start)
        try self.check(seconds: interval.end, field: end)
        if interval.end < interval.start {
            throw SourceFault(
                SourceReason.reversedInterval,
                "`\(end)` (\(interval.end)) lies before `\(start)` (\(interval.start)): swap or correct them")
        }
    }

    /// Checks that a text fits in a record.
    static func check(text: String, field: String) throws(SourceFault) {
        // A byte takes at most six when it is escaped.
        if text.utf8.count <= SourceLimits.textBytesMax / 6 { return }
        var writer = JSONWriter()
        writer.value(text)
        if writer.count - 2 > SourceLimits.textBytesMax {
            throw SourceFault(
                SourceReason.textTooLong,
                "`\(field)` has \(text.utf8.count) bytes and would not fit in a record of 8 MiB: shorten it")
        }
    }

    /// Checks that an id can be a key.
    static func check(uid: String, field: String) throws(SourceFault) {
        if uid.isEmpty {
            throw SourceFault(SourceReason.badUID, "`\(field)` is empty: give the video's id")
        }
        if uid.utf8.count > SourceLimits.uidBytesMax {
            throw SourceFault(
                SourceReason.badUID, "`\(field)` has \(uid.utf8.count) bytes, more than \(SourceLimits.uidBytesMax)")
        }
    }
}

extension SourceEntry {
    /// An id that must be there and can be a key.
    func uid(_ field: String) throws(SourceFault) -> String {
        let uid = try self.text(field)
        try SourceFault.check(uid: uid, field: field)
        return uid
    }
}
