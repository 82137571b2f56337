// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import MomentQueries
import Records
import VideoAnnotations

/// The output of `millrace profile --against`: a table, or one JSON object.
struct AgainstReport {
    private let comparison: QueryComparison
    private let asJSON: Bool

    init(_ comparison: QueryComparison, asJSON: Bool) {
        self.comparison = comparison
        self.asJSON = asJSON
    }

    func write() throws {
        if self.asJSON { try Results.json(self.json) } else { try Results.lines(self.lines) }
    }

    private var lines: [String] {
        let figures = self.comparison.figures
        let off = figures.count(where: \.isOff)
        let (here, there) = (self.comparison.here, self.comparison.there)
        var lines = [
            VisibleText.text(
                "\(here.name): \(Self.size(here)), against \(there.name): \(Self.size(there)); "
                    + "\(off == 0 ? "nothing is" : "\(off) of \(figures.count) figures are") off"), "",
        ]
        var table = TextTable(["figure", "here", "there", "distance", "passes", "off by", "of"])
        for figure in figures {
            table.add([
                figure.name, figure.here.map { Self.number($0, 3) } ?? "",
                figure.there.map { Self.number($0, 3) } ?? "",
                Self.number(figure.distance, 4), Self.number(figure.allowed, 3),
                figure.isOff ? "\(Self.number(figure.tolerances, 1)) times" : "", figure.note,
            ])
        }
        lines += table.lines
        for set in [here, there] { lines += Self.leftOut(set) }
        lines += self.lackingLines + self.templateLines
        return lines
    }

    private static func size(_ set: QueryReference) -> String { "\(ProgressReporter.grouped(set.queries)) queries" }

    private static func leftOut(_ set: QueryReference) -> [String] {
        let left = set.leftOut
        let parts = [
            (left.missing, "missing"), (left.empty, "without length"), (left.reversed, "reversed"),
            (left.outside, "outside the clip"),
        ].filter { $0.0 > 0 }.map { "\(ProgressReporter.grouped($0.0)) \($0.1)" }
        guard !parts.isEmpty else { return [] }
        return [VisibleText.text("windows of \(set.name) that are left out: \(parts.joined(separator: ", "))")]
    }

    private var lackingLines: [String] {
        guard !self.comparison.lacking.isEmpty else { return [] }
        return ["", "templates that are not here, and are left out of both:"]
            + self.comparison.lacking.map { "  \(Self.number($0.there * 100, 1))%  \($0.name)" }
    }

    private var templateLines: [String] {
        guard !self.comparison.templates.isEmpty else { return [] }
        return ["", "templates, here instead of there:"]
            + self.comparison.templates.map {
                "  \(Self.number($0.here * 100, 1))% instead of \(Self.number($0.there * 100, 1))%  \($0.name)"
            }
    }

    private static func number(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

    // MARK: JSON

    private var json: Bytes {
        var json = JSONWriter()
        json.beginObject()
        for (key, set) in [("here", self.comparison.here), ("there", self.comparison.there)] {
            json.key(text: key)
            json.beginObject()
            json.field("name", set.name)
            json.field("queries", set.queries)
            json.field("windows_missing", set.leftOut.missing)
            json.field("windows_empty", set.leftOut.empty)
            json.field("windows_reversed", set.leftOut.reversed)
            json.field("windows_outside", set.leftOut.outside)
            json.endObject()
        }
        json.field("draw", self.comparison.draw)
        json.key("figures")
        json.beginArray()
        for figure in self.comparison.figures {
            json.beginObject()
            json.field("figure", figure.name)
            json.field("unit", figure.unit.rawValue)
            json.key("here")
            if let here = figure.here { json.value(here) } else { json.null() }
            json.key("there")
            if let there = figure.there { json.value(there) } else { json.null() }
            json.field("distance", figure.distance)
            json.field("passes", figure.allowed)
            json.field("tolerances", figure.tolerances)
            json.key("is_off")
            json.value(figure.isOff)
            json.endObject()
        }
        json.endArray()
        Self.write(self.comparison.templates, "templates", to: &json)
        Self.write(self.comparison.lacking, "lacking", to: &json)
        Self.write(self.comparison.firstWords, "first_words", to: &json)
        json.endObject()
        return json.bytes
    }

    private static func write(_ parts: [QueryComparison.Part], _ key: String, to json: inout JSONWriter) {
        json.key(text: key)
        json.beginArray()
        for part in parts {
            json.beginObject()
            json.field("name", part.name)
            json.field("here", part.here)
            json.field("there", part.there)
            json.endObject()
        }
        json.endArray()
    }
}
