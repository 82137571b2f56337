// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import Operations
import RecordLog
import Records
import TaskRooms

/// A dead letter or a reject on a page: the fault, the record, what was judged, where it is from, and what to do.
struct LetterPage {
    private let letter: KeptLetter
    private let state: RetryStanding.State
    private static let (membersMax, cellMax, linesMax) = (40, 600, 60)

    init(_ letter: KeptLetter, state: RetryStanding.State) {
        self.letter = letter
        self.state = state
    }

    var explanation: Explanation {
        let kind = self.letter.kind == "rejected" ? "A reject" : "A dead letter"
        let stage = self.letter.stage.isEmpty ? "" : " of the stage \(self.letter.stage)"
        return Explanation(headline: "\(kind)\(stage): \(self.letter.reason)", parts: self.parts)
    }

    var parts: [Explanation.Part] {
        [self.fault, self.record, self.judged, self.lineage, self.remedy].compactMap { $0 }
    }

    // MARK: Parts

    private var fault: Explanation.Part? {
        var pairs: [(name: String, value: String)] = [
            ("letter", self.letter.id.description), ("time", ShownTime.second(self.letter.time)),
        ]
        if !self.letter.topology.isEmpty { pairs.append(("topology", self.letter.topology)) }
        if !self.letter.stage.isEmpty { pairs.append(("stage", self.letter.stage)) }
        if !self.letter.step.isEmpty { pairs.append(("step", self.letter.step)) }
        pairs.append(("reason", self.letter.reason))
        pairs.append(("message", self.letter.message))
        if self.letter.attempt > 0 {
            pairs.append(("taken before", "\(self.letter.attempt) times, after \(self.letter.retryOf ?? "a letter")"))
        }
        if self.letter.kind != "rejected" { pairs.append(("state", self.state.rawValue)) }
        var part = Explanation.Part("Fault")
        part.lines = Explanation.pairs(pairs)
        part.add("letter") { json in self.letter.writeWhole(to: &json, state: self.state) }
        return part
    }

    private var record: Explanation.Part? {
        var part = Explanation.Part(self.letter.problem == nil ? "Record" : "What lies there")
        var pairs: [(name: String, value: String)] = []
        if let source = self.letter.source {
            pairs.append(("from", "\(source) offset \(self.letter.sourceOffset.map(String.init) ?? "unknown")"))
        }
        pairs.append(("key", self.letter.key.map { Self.text($0) } ?? "none"))
        for header in self.letter.headers.prefix(Self.membersMax) {
            pairs.append(("header \(KeptLetter.cut(header.name, 60))", Self.text(header.value)))
        }
        let cut = self.letter.isTruncated ? ", of which the letter keeps the beginning" : ""
        pairs.append(("bytes", ProgressReporter.grouped(self.letter.valueBytes) + cut))
        part.lines = Explanation.pairs(pairs) + Self.content(self.letter.value)
        return part
    }

    private var judged: Explanation.Part? {
        guard let judged = self.letter.judged else { return nil }
        var part = Explanation.Part(
            self.letter.kind == "rejected" ? "Value that was rejected" : "Value as the step had it")
        part.lines = Self.content(judged)
        return part
    }

    /// All members, at any depth, that name something.
    private var lineage: Explanation.Part? {
        var pairs: [(name: String, value: String)] = []
        for bytes in [self.letter.value, self.letter.judged].compactMap({ $0 }) {
            guard let tree = try? JSONValue(parsing: bytes) else { continue }
            for found in LineageNames(in: tree).pairs where !pairs.contains(where: { $0.name == found.name }) {
                pairs.append(found)
            }
        }
        if let source = self.letter.source, let offset = self.letter.sourceOffset, self.letter.topology != "ingest" {
            pairs.append(
                (
                    "read it",
                    "millrace topics read \(source.topic) --partition \(source.partition) --from \(offset) --limit 1"
                ))
        }
        if pairs.isEmpty { return nil }
        var part = Explanation.Part("Lineage")
        part.lines = Explanation.pairs(pairs)
        return part
    }

    private var remedy: Explanation.Part? {
        if self.letter.kind == "rejected" { return nil }
        var part = Explanation.Part("Remedy")
        let name = self.letter.id.description
        switch self.state {
        case .waiting:
            part.lines = ["its record waits for the next run of `\(self.letter.topology)`, or for one that is at work"]
        case .taken: part.lines = ["its record has been taken again; what came of that is in the topics behind"]
        case .open:
            if let refusal = RetryPlan.refusal(of: self.letter) {
                part.lines = ["its record is not taken again: \(refusal.message)"]
            } else {
                part.lines = [
                    "mend what is at fault, then have its record taken again, which settles it:",
                    "  millrace dead-letters retry \(name)",
                ]
            }
        }
        return part
    }

    // MARK: Contents

    static func text(_ bytes: Bytes) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return "\(bytes.count) bytes that are no text"
        }
        return KeptLetter.cut(text, Self.cellMax)
    }

    /// A content, bounded: the members of an object one below the other, lines of text, or only its size.
    static func content(_ bytes: Bytes?) -> [Explanation.Line] {
        guard let bytes else { return ["no value: a tombstone"] }
        if let tree = try? JSONValue(parsing: bytes), case .object(let members) = tree {
            var lines = Explanation.pairs(
                members.prefix(Self.membersMax).map { (KeptLetter.cut($0.key, 60), Self.cell($0.value)) })
            if members.count > Self.membersMax {
                lines.append("… and \(members.count - Self.membersMax) more members; --json has them")
            }
            return lines
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return ["\(bytes.count) bytes that are no text"]
        }
        let shown = KeptLetter.cut(text, 8 * Self.cellMax)
        let lines = shown.split(separator: "\n", omittingEmptySubsequences: false)
        let more = lines.count > Self.linesMax || shown.utf8.count < text.utf8.count
        return lines.prefix(Self.linesMax).map { Explanation.Line.text(String($0)) }
            + (more ? ["… cut here; --json has all of its \(ProgressReporter.grouped(bytes.count)) bytes"] : [])
    }

    static func cell(_ value: JSONValue) -> String {
        if case .string(let text) = value { return KeptLetter.cut(text, Self.cellMax) }
        return KeptLetter.cut(String(decoding: value.bytes, as: UTF8.self), Self.cellMax)
    }
}

/// The members of a record that name something: ids, hashes and places.
struct LineageNames {
    private(set) var pairs: [(name: String, value: String)] = []
    private static let (depthMax, pairsMax, valueMax) = (6, 24, 120)

    init(in tree: JSONValue) { self.walk(tree, depth: 0) }

    private mutating func walk(_ tree: JSONValue, depth: Int) {
        guard case .object(let members) = tree, depth < Self.depthMax else { return }
        for member in members where self.pairs.count < Self.pairsMax {
            if Self.isName(member.key), !self.pairs.contains(where: { $0.name == member.key }) {
                switch member.value {
                case .string, .int:
                    self.pairs.append(
                        (KeptLetter.cut(member.key, 60), KeptLetter.cut(LetterPage.cell(member.value), Self.valueMax)))
                default: break
                }
            }
            self.walk(member.value, depth: depth + 1)
        }
    }

    private static func isName(_ key: String) -> Bool {
        ["_id", "_uid", "_hash", "_sha256"].contains { key.hasSuffix($0) }
            || ["id", "pass", "block", "prompt", "answer", "topology", "revision"].contains(key)
    }
}
