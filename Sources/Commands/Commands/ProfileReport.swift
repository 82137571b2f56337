// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import MomentQueries
import Records

/// The output of `millrace profile`: tables, or one JSON object.
struct ProfileReport {
    let name: String
    let profile: QueryProfile
    let measures: [ProfileMeasure]
    let duplicates: DuplicateReport
    let human: (file: HumanQueryFile, rejects: FalseRejects)?
    let asJSON: Bool

    init(
        name: String, profile: QueryProfile, similarity: Double, examples: Int,
        human: (file: HumanQueryFile, rejects: FalseRejects)?, asJSON: Bool
    ) {
        self.name = name
        self.profile = profile
        self.measures = profile.measures()
        self.duplicates = profile.duplicates(similarity: similarity, examples: examples)
        self.human = human
        self.asJSON = asJSON
    }

    func write() throws {
        if self.asJSON { try Results.json(self.json) } else { try Results.lines(self.lines) }
    }

    // MARK: Tables

    private var lines: [String] {
        let size = "\(Self.grouped(self.profile.queries)) queries of \(Self.grouped(self.profile.videoCount)) videos"
        guard self.profile.queries > 0 else {
            return ["\(self.name): no queries; `millrace run` makes some, another name is another set"] + self.fileLines
        }
        let off = self.measures.count(where: \.isOff)
        var lines = [
            "\(self.name): \(size); \(off == 0 ? "nothing is" : "\(off) of \(self.measures.count) figures are") off"
        ]
        lines +=
            [""] + self.measureLines + [""] + self.knobLines + self.partLines + self.duplicateLines + self.fileLines
        return lines
    }

    /// The settings that move what is off, one line a knob; of a file that people wrote nothing can be moved.
    private var knobLines: [String] {
        guard self.human == nil else { return [] }
        var knobs: [(text: String, names: [String])] = []
        for measure in self.measures where measure.isOff {
            guard let text = ProfileKnob.of(measure.name)?.text else { continue }
            if let index = knobs.firstIndex(where: { $0.text == text }) {
                knobs[index].names.append(measure.name)
            } else {
                knobs.append((text, [measure.name]))
            }
        }
        guard !knobs.isEmpty else { return [] }
        let lines = knobs.flatMap {
            WrappedText.lines("  \($0.names.joined(separator: ", ")): \($0.text)", indent: 4)
        }
        return ["these fields of the topology's steps move what is off:"] + lines + [""]
    }

    /// The measures, the furthest off first.
    private var measureLines: [String] {
        var table = TextTable(["figure", "here", "human train", "human val", "off by"])
        for measure in self.measures {
            let format = { Self.text($0, measure.unit) }
            let distance = measure.isOff ? "\(Self.number(measure.distance, 1)) tolerances" : ""
            table.add([
                measure.name, format(measure.value), measure.train.map(format) ?? "",
                measure.validation.map(format) ?? "", distance,
            ])
        }
        return table.lines
    }

    /// The worst parts of each mix that is off.
    private var partLines: [String] {
        self.measures.filter { $0.isOff && !$0.parts.isEmpty }.flatMap { measure in
            let parts = measure.parts.prefix(4).map { part in
                "  \(Self.text(part.share, .share)) instead of \(Self.text(part.human, .share))  \(part.name)"
            }
            return ["\(measure.name), the furthest off:"] + parts + [""]
        }
    }

    private var duplicateLines: [String] {
        let report = self.duplicates
        let share = Double(report.exact) / Double(max(self.profile.queries, 1))
        var lines = [
            "said before, word for word: \(Self.grouped(report.exact)) (\(Self.text(share, .share))); "
                + "\(Self.grouped(report.distinct)) different texts"
        ]
        lines += report.mostRepeated.map { "  \(Self.grouped($0.count)) times: \($0.query)" }
        lines.append("different texts that are nearly the same as another: \(Self.grouped(report.near))")
        if self.human == nil, report.exact + report.near > 0, let knob = ProfileKnob.of("duplicates") {
            lines += WrappedText.lines("fewer of both by \(knob.text)", indent: 2)
        }
        lines += report.nearExamples.map { "  \(Self.number($0.similarity, 2)): \($0.first) / \($0.second)" }
        return lines
    }

    private var fileLines: [String] {
        guard let (file, rejects) = self.human else { return [] }
        var lines = [
            "", "\(Self.grouped(file.count)) entries of \(Self.grouped(file.clips)) clips; odd, and lived with:",
        ]
        let oddities = HumanQueryFile.Oddity.allCases.filter { file.oddities[$0] != nil }
        lines += oddities.map { "  \($0.rawValue): \(Self.grouped(file.oddities[$0] ?? 0))" }
        if oddities.isEmpty { lines.append("  nothing") }
        lines += ["", "what the validators would reject of it:"] + Self.rateLines(rejects) + [""]
        lines += Self.templateLines(rejects) + [""]
        for row in rejects.rows where !row.examples.isEmpty {
            lines += row.examples.map { "\(row.name): “\($0.query)”: \($0.message)" }
        }
        return lines
    }

    private static func rateLines(_ rejects: FalseRejects) -> [String] {
        var table = TextTable(["validator", "judged", "rejected", "share", "note"])
        for row in rejects.rows + [rejects.any] {
            let share = row.rate.judged == 0 ? "" : self.text(row.rate.share, .share)
            table.add([
                row.name, self.grouped(row.rate.judged), self.grouped(row.rate.rejected), share, row.note ?? "",
            ])
        }
        return table.lines
    }

    /// A row for each template, a column for each validator that rejects anything.
    private static func templateLines(_ rejects: FalseRejects) -> [String] {
        let rows = rejects.rows.filter { $0.rate.rejected > 0 } + [rejects.any]
        var table = TextTable(["queries"] + rows.map(\.name) + ["template"])
        let templates = QueryTemplate.allCases.map(Optional.some) + [nil]
        for template in templates {
            let count = rejects.any.byTemplate[template]?.judged ?? 0
            guard count > 0 else { continue }
            let cells = rows.map { row in
                row.byTemplate[template].map { $0.judged == 0 ? "" : self.text($0.share, .share) } ?? ""
            }
            table.add([self.grouped(count)] + cells + [template?.rawValue ?? "none"])
        }
        return table.lines
    }

    private static func grouped(_ number: Int) -> String { ProgressReporter.grouped(number) }

    private static func number(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

    private static func text(_ value: Double, _ unit: ProfileMeasure.Unit) -> String {
        switch unit {
        case .share, .mix: self.number(value * 100, 1) + "%"
        case .words, .seconds: self.number(value, 2)
        }
    }
}

// MARK: JSON

extension ProfileReport {
    private var json: Bytes {
        var json = JSONWriter()
        json.beginObject()
        json.field("name", self.name)
        json.field("queries", self.profile.queries)
        json.field("videos", self.profile.videoCount)
        json.key("measures")
        json.beginArray()
        for measure in self.measures { Self.write(measure, to: &json) }
        json.endArray()
        json.key("duplicates")
        self.writeDuplicates(to: &json)
        if let (file, rejects) = self.human {
            json.field("entries", file.count)
            json.field("clips", file.clips)
            json.key("oddities")
            json.beginObject()
            for oddity in HumanQueryFile.Oddity.allCases {
                json.key(text: oddity.rawValue)
                json.value(file.oddities[oddity] ?? 0)
            }
            json.endObject()
            json.key("validators")
            json.beginArray()
            for row in rejects.rows + [rejects.any] { Self.write(row, to: &json) }
            json.endArray()
        }
        json.endObject()
        return json.bytes
    }

    private static func write(_ measure: ProfileMeasure, to json: inout JSONWriter) {
        json.beginObject()
        json.field("measure", measure.name)
        json.field("unit", measure.unit.rawValue)
        json.field("value", measure.value)
        json.key("human_train")
        if let train = measure.train { json.value(train) } else { json.null() }
        json.key("human_val")
        if let validation = measure.validation { json.value(validation) } else { json.null() }
        json.field("tolerances", measure.distance)
        json.key("is_off")
        json.value(measure.isOff)
        if let knob = ProfileKnob.of(measure.name) { json.field("knob", knob.text) }
        if !measure.parts.isEmpty {
            json.key("parts")
            json.beginArray()
            for part in measure.parts {
                json.beginObject()
                json.field("name", part.name)
                json.field("share", part.share)
                json.field("human", part.human)
                json.endObject()
            }
            json.endArray()
        }
        json.endObject()
    }

    private func writeDuplicates(to json: inout JSONWriter) {
        json.beginObject()
        json.field("exact", self.duplicates.exact)
        json.field("distinct", self.duplicates.distinct)
        json.field("near", self.duplicates.near)
        json.key("most_repeated")
        json.beginArray()
        for repeated in self.duplicates.mostRepeated {
            json.beginObject()
            json.field("query", repeated.query)
            json.field("count", repeated.count)
            json.endObject()
        }
        json.endArray()
        json.key("near_examples")
        json.beginArray()
        for near in self.duplicates.nearExamples {
            json.beginObject()
            json.field("first", near.first)
            json.field("second", near.second)
            json.field("similarity", near.similarity)
            json.endObject()
        }
        json.endArray()
        json.endObject()
    }

    private static func write(_ row: FalseRejects.Row, to json: inout JSONWriter) {
        json.beginObject()
        json.field("validator", row.name)
        self.write(row.rate, to: &json)
        if let note = row.note { json.field("note", note) }
        json.key("by_template")
        json.beginArray()
        for template in QueryTemplate.allCases.map(Optional.some) + [nil] {
            guard let rate = row.byTemplate[template] else { continue }
            json.beginObject()
            json.key("template")
            if let template { json.value(template.rawValue) } else { json.null() }
            self.write(rate, to: &json)
            json.endObject()
        }
        json.endArray()
        json.key("examples")
        json.beginArray()
        for example in row.examples {
            json.beginObject()
            json.field("query", example.query)
            json.field("message", example.message)
            json.endObject()
        }
        json.endArray()
        json.endObject()
    }

    private static func write(_ rate: FalseRejects.Rate, to json: inout JSONWriter) {
        json.field("judged", rate.judged)
        json.field("rejected", rate.rejected)
        json.field("share", rate.share)
    }
}
