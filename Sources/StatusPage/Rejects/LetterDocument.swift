// SPDX-License-Identifier: Apache-2.0

import Codecs
import Operations
import Records
import TaskRooms

/// A letter as lists show it: what was refused, in a few words.
struct LetterRow {
    var letter: KeptLetter
    /// The value that was refused, or the record.
    var value: JSONValue?
    var summary: SampleSummary

    init(_ letter: KeptLetter) {
        self.letter = letter
        self.value = (letter.judged ?? letter.value).flatMap { try? JSONValue(parsing: $0) }
        self.summary = SampleSummary(self.value ?? .null)
        // The refused value may not say whose it is; the key of its record does.
        if self.summary.video == nil, let key = letter.key { self.summary.video = String(decoding: key, as: UTF8.self) }
    }

    /// Tells whether a text stands in the value or the message.
    func isFit(_ filter: SampleFilter) -> Bool {
        filter.takes(self.value ?? .null) || filter.takes(.string(self.letter.message))
            || (self.letter.judged != nil && self.letter.value.map { filter.takes($0) } ?? false)
    }
}

/// The page's documents about rejects and dead letters.
enum LetterDocument {
    /// The most bytes of a record that are sent as they are.
    private static let valueBytesMax = 1 << 20

    /// The result of a search.
    static func rows(_ rows: [LetterRow], _ report: ReadingReport, seconds: Double, isFull: Bool) -> Bytes {
        var json = JSONWriter()
        json.object { json in
            json.list("hits", rows) { row, json in
                let letter = row.letter
                row.summary.write(to: &json)
                json.field("topic", letter.id.partition.topic)
                json.field("partition", letter.id.partition.partition)
                json.field("offset", Int(letter.id.offset))
                json.field("time", Int(letter.time))
                json.field("stage", letter.stage)
                json.field("step", letter.step)
                json.field("reason", letter.reason)
                json.field("message", letter.message.cut(to: 500))
            }
            json.field("scanned", report.records)
            json.field("bytes", report.bytes)
            json.field("seconds", seconds)
            json.optional("stopped", report.isCutShort ? "bounds" : isFull ? "limit" : nil)
        }
        return json.bytes
    }

    /// A letter whole.
    static func letter(_ letter: KeptLetter) -> Bytes {
        let row = LetterRow(letter)
        let input = letter.value.flatMap { $0.count <= Self.valueBytesMax ? try? JSONValue(parsing: $0) : nil }
        var json = JSONWriter()
        json.object { json in
            row.summary.write(to: &json)
            json.field("time", Int(letter.time))
            json.timeline(Self.timeline(row.value, input))
            json.key("letter")
            json.object { json in Self.write(letter, to: &json) }
            json.key("input")
            if let input { input.write(to: &json) } else { json.null() }
        }
        return json.bytes
    }

    private static func write(_ letter: KeptLetter, to json: inout JSONWriter) {
        json.field("id", letter.id.description)
        json.field("topology", letter.topology)
        json.field("stage", letter.stage)
        json.field("step", letter.step)
        json.field("reason", letter.reason)
        json.field("message", letter.message)
        json.optional("source", letter.source.map { "\($0) offset \(letter.sourceOffset ?? 0)" })
        json.field("truncated", letter.isTruncated)
        json.field("value_bytes", letter.valueBytes)
        json.optional("key", letter.key.map { String(decoding: $0, as: UTF8.self) })
        json.optional(
            "value", letter.value.map { String(decoding: $0.prefix(Self.valueBytesMax / 8), as: UTF8.self) })
        json.key("judged")
        if let judged = letter.judged, let value = try? JSONValue(parsing: judged) {
            value.write(to: &json)
        } else {
            json.null()
        }
    }

    /// The times of the record, with the window of what was refused.
    private static func timeline(_ value: JSONValue?, _ input: JSONValue?) -> SampleTimeline? {
        guard var timeline = input.flatMap(TimelineReading.timeline) else {
            return value.flatMap(TimelineReading.timeline)
        }
        if let value, value != input, let window = TimelineReading.window(of: value),
            timeline.start <= window.start, window.end ?? window.start <= timeline.end
        {
            timeline.windows = [window]
        }
        return timeline
    }
}
