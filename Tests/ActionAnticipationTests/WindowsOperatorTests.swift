// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import Testing

@testable import ActionAnticipation

@Suite struct WindowsOperatorTests {
    private static let taxonomy = TaxonomySummary(digest: "d", verbs: 9, nouns: 9)

    private static func clip(_ uid: String) -> ActionClip {
        ActionClip(clipUID: uid, videoUID: "v", split: "train", taxonomy: Self.taxonomy, startSec: 3)
    }

    private static func segments(_ count: Int, unlabelled: Set<Int> = []) -> [ActionSegment] {
        (0..<count).map { rank in
            let isTold = !unlabelled.contains(rank)
            return ActionSegment(
                rank: rank, startSec: Double(rank), endSec: Double(rank + 8), verb: isTold ? rank % 9 : nil,
                noun: isTold ? 1 : nil)
        }
    }

    private static func make(labelled: Bool = true) throws -> WindowsOperator {
        var configuration = Configuration()
        configuration.set(WindowsOperator.inputs, 2)
        configuration.set(WindowsOperator.futures, 3)
        configuration.set(WindowsOperator.labelled, labelled)
        return try WindowsOperator(configuration, OperatorContext(topologyHash: "hash"))
    }

    private static func records(_ uid: String, _ segments: [ActionSegment], count: Int? = nil) -> [ActionRecord] {
        [.clip(Self.clip(uid))] + segments.map { .segment($0, clipUID: uid) }
            + [.end(clipUID: uid, segments: count ?? segments.count)]
    }

    private static func run(
        _ records: [ActionRecord], _ step: inout WindowsOperator
    ) -> (windows: [ActionWindow], counts: [String: Int]) {
        var output = Collector<ActionWindow>(step: "windows")
        for (offset, record) in records.enumerated() {
            step.process(Element(key: nil, value: record, origin: Offset(offset)), into: &output)
        }
        return (output.elements.map(\.value), output.notes.counts)
    }

    @Test func everyRunIsAWindow() throws {
        var step = try Self.make()
        let (windows, counts) = Self.run(Self.records("a", Self.segments(7)), &step)
        #expect(windows.map(\.key) == ["a_1", "a_2", "a_3"])
        #expect(windows.map(\.isLast) == [false, false, true])
        #expect(windows[1].futures.map(\.rank) == [3, 4, 5] && windows[1].topology == "hash")
        #expect(counts.isEmpty && step.openCount == 0)
        for window in windows { #expect(ActionWindow(line: window.json) == window) }
    }

    @Test func whatCannotBeLearntFromIsCounted() throws {
        var step = try Self.make()
        let (windows, counts) = Self.run(
            Self.records("a", Self.segments(4)) + Self.records("b", Self.segments(8, unlabelled: [7]))
                + Self.records("c", Self.segments(5, unlabelled: [2, 3, 4])), &step)
        #expect(windows.map(\.key) == ["b_1", "b_2", "b_3"])
        #expect(windows.last?.isLast == true)
        #expect(counts == ["short-clip": 1, "partly-labelled": 1, "unlabelled": 1])
        var test = try Self.make(labelled: false)
        #expect(Self.run(Self.records("c", Self.segments(5, unlabelled: [2, 3, 4])), &test).windows.count == 1)
    }

    @Test func recordsOutOfOrderAreCounted() throws {
        var step = try Self.make()
        let segment = ActionRecord.segment(Self.segments(1)[0], clipUID: "x")
        let (windows, counts) = Self.run(
            [segment, .end(clipUID: "x", segments: 1), .clip(Self.clip("y"))] + Self.records("y", Self.segments(5))
                + Self.records("z", Self.segments(5), count: 6), &step)
        #expect(windows.map(\.key) == ["y_1"])
        #expect(counts == ["no-clip-record": 2, "superseded": 1, "count-mismatch": 1])
    }

    @Test func aClipGoesOnAfterACommit() throws {
        let records = Self.records("a", Self.segments(7))
        for cut in 1..<records.count {
            var state: [Bytes: Bytes] = [:]
            var first = try Self.make()
            func commit(_ step: inout WindowsOperator) {
                for change in step.stateChanges() { state[change.key] = change.value }
            }
            _ = Self.run(Array(records[..<min(cut, 2)]), &first)
            commit(&first)
            _ = Self.run(Array(records[min(cut, 2)..<cut]), &first)
            commit(&first)
            var second = try Self.make()
            try second.restore(state.map { StateEntry(key: $0.key, value: $0.value) })
            #expect(Self.run(Array(records[cut...]), &second).windows.map(\.key) == ["a_1", "a_2", "a_3"], "\(cut)")
            commit(&second)
            #expect(state.isEmpty, "\(cut)")
        }
    }
}
