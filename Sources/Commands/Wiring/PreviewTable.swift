// SPDX-License-Identifier: Apache-2.0

import Codecs
import Engine
import Records

/// A row of a preview, with the narrations that it goes back to.
struct PreviewEntry {
    let row: TopologyPreview.Row
    /// The record, as far as it is JSON.
    let value: JSONValue?
    /// Texts of the narrations that it is about.
    let narrations: [String]

    init(_ row: TopologyPreview.Row, narrations known: [NarrationPlace: String]) {
        self.row = row
        self.value = try? JSONValue(parsing: row.value)
        guard let value else {
            self.narrations = []
            return
        }
        let lineage = value["lineage"]
        let indices = value["narration_indices"]?.array ?? lineage?["narrations"]?.array ?? []
        let video = value["video_uid"]?.string ?? lineage?["video_uid"]?.string ?? ""
        let pass = value["pass"]?.int ?? lineage?["pass"]?.int ?? 1
        self.narrations = indices.compactMap(\.int).compactMap {
            known[NarrationPlace(video: video, pass: pass, index: $0)]
        }
    }

    /// The text that it is for, whatever its task calls it.
    var text: String? {
        ["query", "text", "caption", "question", "instruction", "summary"].lazy.compactMap { self.value?[$0]?.string }
            .first
    }

    /// The template that a query follows.
    var template: String? { self.value?["template"]?.string }

    /// The span of video, in seconds.
    var window: (start: Double, end: Double)? {
        guard let value else { return nil }
        if let pair = value["window"]?.array?.compactMap(\.double), pair.count == 2 { return (pair[0], pair[1]) }
        guard let start = value["video_start_sec"]?.double, let end = value["video_end_sec"]?.double else { return nil }
        return (start, end)
    }

    /// `kept`, or what fell out and why.
    var verdict: String {
        switch self.row.verdict {
        case .kept: "kept"
        case .rejected: "rejected, \(self.row.reason ?? "")"
        case .dead: "dead letter, \(self.row.reason ?? "")"
        }
    }
}

/// The place of a narration, by which what was made of it names it.
struct NarrationPlace: Hashable {
    var video: String
    var pass: Int
    var index: Int

    /// The place and the text of a narration record; `nil` for other records.
    static func of(_ record: Bytes) -> (NarrationPlace, String)? {
        guard let value = try? JSONValue(parsing: record), let video = value["video_uid"]?.string,
            let index = value["index"]?.int, let text = value["text"]?.string
        else { return nil }
        return (NarrationPlace(video: video, pass: value["pass"]?.int ?? 1, index: index), text)
    }
}

/// A preview as a table of 80 columns, or as JSON.
struct PreviewTable {
    var topology: String
    var source: String
    var entries: [PreviewEntry]
    var stages: [TopologyPreview.StageCount]
    /// Counts of what the source could not read or left out.
    var problems: [String: Int]

    /// The longest text of a cell; the record is there whole as JSON.
    private static let textMax = 400

    // MARK: Words

    var lines: [String] {
        var lines = ["  #  verdict · query · template · window · narration", String(repeating: "─", count: 80)]
        for (index, entry) in self.entries.enumerated() { lines += Self.lines(entry, number: index + 1) }
        if self.entries.isEmpty {
            lines.append("     nothing came out, and nothing fell out but what is counted below")
        }
        lines.append(String(repeating: "─", count: 80))
        return lines + self.countLines
    }

    private static func lines(_ entry: PreviewEntry, number: Int) -> [String] {
        var cells = [entry.verdict]
        if let message = entry.row.message { cells[0] += ": \(message)" }
        if let text = entry.text { cells.append("“\(text)”") }
        if let template = entry.template { cells.append(template) }
        if let window = entry.window { cells.append("\(self.seconds(window.start))–\(self.seconds(window.end)) s") }
        cells += entry.narrations.map { "from: \($0)" }
        var lines = cells.flatMap { cell in
            WrappedText.lines(Self.short(cell), columns: 75, indent: 2).map { TextColumns.cut($0, to: 75) }
        }
        if entry.text == nil {
            // Of a task that has no queries the record itself, which has few spaces to be broken at.
            var rest = Self.short(String(decoding: entry.row.value, as: UTF8.self))[...]
            while !rest.isEmpty {
                lines.append(TextColumns.cut(String(rest.prefix(75)), to: 75))
                rest = rest.dropFirst(75)
            }
        }
        let label = String(repeating: " ", count: max(0, 3 - "\(number)".count)) + "\(number)  "
        return lines.enumerated().map { ($0 == 0 ? label : "     ") + $1 }
    }

    private static func short(_ text: String) -> String {
        let shown = VisibleText.text(text)
        return shown.count > self.textMax ? shown.prefix(self.textMax) + "…" : shown
    }

    private static func seconds(_ value: Double) -> String {
        let tenths = Int((max(-1e12, min(value, 1e12)) * 10).rounded())
        return "\(tenths / 10).\(abs(tenths % 10))"
    }

    private var countLines: [String] {
        let number = ProgressReporter.grouped
        var table = TextTable(["stage", "in", "out", "asked", "not asked", "not looked at"])
        for stage in self.stages {
            table.add([
                stage.stage, number(stage.taken), number(stage.given), number(stage.asked), number(stage.unanswered),
                number(stage.left),
            ])
        }
        var lines = ["\(self.topology) on \(self.source); nothing was written"] + table.lines
        for stage in self.stages where !stage.counts.isEmpty {
            lines.append("\(stage.stage), dropped or counted, by step and reason:")
            lines += Self.lines(stage.counts)
        }
        if !self.problems.isEmpty { lines += ["the source, by reason:"] + Self.lines(self.problems) }
        return lines
    }

    private static func lines(_ counts: [String: Int]) -> [String] {
        counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map {
            "  \($0.key): \(ProgressReporter.grouped($0.value))"
        }
    }

    // MARK: JSON

    var json: Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("topology", self.topology)
        json.field("source", self.source)
        json.key("rows")
        json.beginArray()
        for entry in self.entries { Self.write(entry, to: &json) }
        json.endArray()
        json.key("stages")
        json.beginArray()
        for stage in self.stages {
            json.beginObject()
            json.field("stage", stage.stage)
            json.field("in", stage.taken)
            json.field("out", stage.given)
            json.field("asked", stage.asked)
            json.field("not_asked", stage.unanswered)
            json.field("not_looked_at", stage.left)
            json.key("counts")
            Self.write(stage.counts, to: &json)
            json.endObject()
        }
        json.endArray()
        json.key("problems")
        Self.write(self.problems, to: &json)
        json.endObject()
        return json.bytes
    }

    private static func write(_ entry: PreviewEntry, to json: inout JSONWriter) {
        func optional(_ key: StaticString, _ text: String?) {
            json.key(key)
            if let text { json.value(text) } else { json.null() }
        }
        json.beginObject()
        json.field("stage", entry.row.stage)
        json.field("verdict", entry.row.verdict.rawValue)
        optional("reason", entry.row.reason)
        optional("message", entry.row.message)
        optional("query", entry.text)
        optional("template", entry.template)
        json.key("window")
        if let window = entry.window {
            json.beginArray()
            json.value(window.start)
            json.value(window.end)
            json.endArray()
        } else {
            json.null()
        }
        json.key("narrations")
        json.beginArray()
        for text in entry.narrations { json.value(text) }
        json.endArray()
        json.key("record")
        if let value = entry.value { value.write(to: &json) } else { json.null() }
        json.endObject()
    }

    private static func write(_ counts: [String: Int], to json: inout JSONWriter) {
        json.beginObject()
        for (reason, count) in counts.sorted(by: { $0.key < $1.key }) {
            json.key(text: reason)
            json.value(count)
        }
        json.endObject()
    }
}
