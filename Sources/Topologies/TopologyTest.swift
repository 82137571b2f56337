// SPDX-License-Identifier: Apache-2.0

public import Codecs
import Dataflow
import Foundation
import Records

/// Cases that say what a topology's stages make of some records, in YAML beside the topology.
///
/// ```yaml
/// cases:
///   - name: unsure narrations are dropped
///     stage: curate
///     input:
///       - { kind: video, video_uid: v, pass: 1, … }
///     expect:
///       - { video_uid: v }          # of each expected record only the given fields count
///     rejects: [too-short]          # reasons, in order
///     dead-letters: []
///     counts: { filter.unsure: 1 }
/// ```
public struct TopologyTestSuite: Sendable {
    /// One case.
    public struct Case: Sendable {
        /// The point that the case shows.
        public var name: String
        /// The stage it runs.
        public var stage: String
        /// The values of the input records; each record's key is its `video_uid`, or empty.
        public var input: [JSONValue]
        /// The expected output, in order: the given fields of each record.
        public var expect: [JSONValue]
        /// The reasons of the rejects that must come, in order.
        public var rejects: [String]
        /// The reasons of the dead letters that must come, in order.
        public var deadLetters: [String]
        /// Counts that must come, by `step.reason`; others may.
        public var counts: [String: Int]
    }

    /// The cases, in file order.
    public var cases: [Case]

    /// Reads cases from a file.
    /// - Throws: `TopologyError` with the place of what is wrong.
    public static func load(path: String, environment: [String: String]) throws(TopologyError) -> TopologyTestSuite {
        let text = try TopologyFile.text(path, what: "the cases")
        let document = try TopologyFile(path: path, environment: environment).parse(text)
        var reader = ConfigurationReader(file: path) { _ in "" }
        var cases: [Case] = []
        for member in reader.members(of: document) ?? [] {
            guard member.key == "cases", case .sequence(let nodes) = member.value.content else {
                reader.report(member.mark, "expected the key `cases` with a list of cases, found `\(member.key)`")
                continue
            }
            cases += nodes.compactMap { Self.read($0, &reader) }
        }
        if cases.isEmpty, !reader.hasErrors { reader.report(document.mark, "there are no cases") }
        if reader.hasErrors { throw TopologyError(reader.diagnostics) }
        return TopologyTestSuite(cases: cases)
    }

    private static let keys = ["name", "stage", "input", "expect", "rejects", "dead-letters", "counts"]

    private static func read(_ node: ConfigurationNode, _ reader: inout ConfigurationReader) -> Case? {
        guard let members = reader.members(of: node) else { return nil }
        for member in members where !Self.keys.contains(member.key) {
            reader.report(
                member.mark, "unknown key `\(member.key)`; \(Spelling.help(for: member.key, among: Self.keys))")
        }
        func value(_ key: String) -> JSONValue? { members.first { $0.key == key }.map { $0.value.json } }
        guard let name = value("name")?.string, let stage = value("stage")?.string, let input = value("input")?.array
        else {
            reader.report(node.mark, "a case wants `name`, `stage` and `input`")
            return nil
        }
        // Text that is not understood must not pass for output that is not expected.
        for member in members where ["expect", "rejects", "dead-letters"].contains(member.key) {
            guard let list = member.value.json.array, member.key == "expect" || list.allSatisfy({ $0.string != nil })
            else {
                reader.report(member.value.mark, "expected a list, found \(member.value.kindName)")
                continue
            }
        }
        var counts: [String: Int] = [:]
        for member in members.first(where: { $0.key == "counts" }).flatMap({ reader.members(of: $0.value) }) ?? [] {
            counts[member.key] = Int.read(member.value, &reader)
        }
        return Case(
            name: name, stage: stage, input: input, expect: value("expect")?.array ?? [],
            rejects: value("rejects")?.array?.compactMap(\.string) ?? [],
            deadLetters: value("dead-letters")?.array?.compactMap(\.string) ?? [], counts: counts)
    }
}

extension ConfigurationNode {
    /// The node as JSON: words that look like numbers, booleans or nothing are that.
    var json: JSONValue {
        switch self.content {
        case .sequence(let nodes): .array(nodes.map(\.json))
        case .mapping(let members): .object(members.map { JSONValue.Member($0.key, $0.value.json) })
        case .scalar(let text):
            if self.isQuoted {
                .string(text)
            } else if text.isEmpty {
                .null
            } else if let int = Int(text), JSONScanner.wholeNumbers.contains(int) {
                .int(int)
            } else if let double = Double(text), double.isFinite {
                .double(double)
            } else if text == "true" || text == "false" {
                .bool(text == "true")
            } else {
                .string(text)
            }
        }
    }
}

/// Runs cases without any log.
public struct TopologyTestRunner {
    private let topology: Topology

    /// Prepares to run cases of a topology.
    public init(_ topology: Topology) { self.topology = topology }

    /// Runs a case. Blocks while the stage waits for answers: call it from a thread, not from the cooperative pool.
    /// - Returns: what is not as expected; nothing where all is well.
    public func run(_ test: TopologyTestSuite.Case) throws -> [String] {
        guard let stage = self.topology.stages.first(where: { $0.name == test.stage }) else {
            let help = Spelling.help(for: test.stage, among: self.topology.stages.map(\.name))
            return ["there is no stage `\(test.stage)`; \(help)"]
        }
        let chain = try Chain(stage, OperatorContext(topologyHash: self.topology.hash))
        var batch = FetchedBatch(partition: TopicPartition(stage.from, 0), nextOffset: 0)
        for (index, value) in test.input.enumerated() {
            let key = value["video_uid"]?.string.map { Bytes($0.utf8) }
            batch.append(
                Record(key: key, value: value.bytes, headers: stage.inputType.headers), offset: Offset(index),
                timestamp: 0)
        }
        for index in 0..<batch.count {
            if chain.isAsynchronous {
                chain.finish(Self.answered(chain.begin(batch, at: index)))
            } else {
                chain.process(batch, at: index)
            }
        }
        return Self.compare(chain.takeOutput(), chain.takeNotes(), with: test)
    }

    /// Waits for all answers of a record; cases are few, so one after the other will do.
    private static func answered(_ record: PendingRecord) -> PendingRecord {
        var record = record
        for index in 0..<record.requestCount where !record.answerAtOnce(index, until: nil) {
            let work = record.takeWork(index)
            let box = ReplyBox()
            let done = DispatchSemaphore(value: 0)
            Task {
                box.reply = try? await work()
                done.signal()
            }
            done.wait()
            if let reply = box.reply { record.take(reply, for: index) }
        }
        return record
    }

    /// `@unchecked Sendable`: written before the semaphore is signalled, read after it is waited for.
    private final class ReplyBox: @unchecked Sendable {
        var reply: PendingReply?
    }

    private static func compare(
        _ output: RecordBatch, _ notes: ChainNotes, with test: TopologyTestSuite.Case
    ) -> [String] {
        var problems: [String] = []
        let values = (0..<output.count).map { output.value(at: $0) ?? [] }
        if values.count != test.expect.count {
            problems.append("expected \(test.expect.count) records, got \(values.count)")
            problems += values.map { "  got " + String(decoding: $0, as: UTF8.self) }
        }
        for (index, (expected, bytes)) in zip(test.expect, values).enumerated() {
            guard let value = try? JSONValue(parsing: bytes) else { continue }
            for difference in value.differences(from: expected, path: "record \(index)") { problems.append(difference) }
        }
        let rejects = notes.letters.filter { $0.kind == .rejected }.map(\.reason)
        if rejects != test.rejects { problems.append("expected the rejects \(test.rejects), got \(rejects)") }
        let dead = notes.letters.filter { $0.kind != .rejected }
        if dead.map(\.reason) != test.deadLetters {
            let got = dead.map { "\($0.reason) (\($0.message))" }
            problems.append("expected the dead letters \(test.deadLetters), got \(got)")
        }
        for (reason, count) in test.counts.sorted(by: { $0.key < $1.key })
        where notes.counts[reason, default: 0] != count {
            problems.append("expected \(reason) to be \(count), got \(notes.counts[reason, default: 0])")
        }
        return problems
    }
}

extension JSONValue {
    /// The places where this value lacks or contradicts another one's content. Numbers are equal within a millionth.
    func differences(from expected: JSONValue, path: String) -> [String] {
        switch (self, expected) {
        case (.object, .object(let members)):
            return members.flatMap { member -> [String] in
                guard let value = self[member.key] else { return ["\(path): no `\(member.key)`"] }
                return value.differences(from: member.value, path: "\(path).\(member.key)")
            }
        case (.array(let own), .array(let others)):
            if own.count != others.count { return ["\(path): expected \(others.count) elements, got \(own.count)"] }
            return zip(own, others).enumerated().flatMap { index, pair in
                pair.0.differences(from: pair.1, path: "\(path)[\(index)]")
            }
        default:
            if let own = self.double, let other = expected.double {
                return abs(own - other) <= 1e-6 ? [] : ["\(path): expected \(other), got \(own)"]
            }
            if self == expected { return [] }
            let texts = [expected, self].map { String(decoding: $0.bytes, as: UTF8.self) }
            return ["\(path): expected \(texts[0]), got \(texts[1])"]
        }
    }
}
