// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import Testing

@testable import MomentQueries
@testable import VideoAnnotations

/// Ends of videos that never come, or come twice: what gathers keeps what it has, and gives nothing twice.
@Suite struct CompletenessTests {
    private let video = Video(
        videoUID: "v", source: "ego4d", durationSec: 60, clips: [clip("c", 0, 60)], splits: [], hasFeatures: true,
        meanGapSec: 4)
    private let times: [Double] = [10, 14, 18, 22, 26]

    private var events: [NarrationEvent] { stream(self.video, narrations(at: self.times, halfWindow: 1)) }

    private func filter() throws -> FilterOperator {
        var configuration = Configuration()
        configuration.set(FilterOperator.videos, Configuration())
        return try FilterOperator(configuration, OperatorContext(topologyHash: "h", allowUnguarded: true))
    }

    /// Lets the end of a video stay away over a restart, come, and come again.
    /// - Parameter gathers: whether nothing leaves before the end.
    private func misuse<Op: Operator>(
        _ make: () throws -> Op, gathers: Bool
    ) throws where Op.Input == NarrationEvent, Op.Output: Hashable {
        var undisturbed = try make()
        let expected = undisturbed.run(self.events)
        #expect(!expected.emitted.isEmpty && undisturbed.openCount == 0)

        var first = try make()
        let elements = elements(self.events)
        let before = first.run(elements.dropLast())
        #expect(before.emitted.isEmpty == gathers && first.openCount == 1)
        let state = first.stateChanges().map { StateEntry(key: $0.key, value: $0.value ?? []) }
        #expect(!state.isEmpty, "it is kept")
        #expect(first.stateChanges().isEmpty && first.openCount == 1, "a commit closes nothing")

        var second = try make()
        try second.restore(state)
        #expect(second.openCount == 1)
        let after = second.run(elements.suffix(1))
        #expect(before.emitted + after.emitted == expected.emitted)
        #expect(second.openCount == 0)
        let removed = second.stateChanges()
        #expect(Set(removed.map(\.key)) == Set(state.map(\.key)) && removed.allSatisfy { $0.value == nil })

        let again = second.run(elements.suffix(1))
        #expect(again.emitted.isEmpty && again.letters.isEmpty && again.counts == ["end-without-video": 1])
        #expect(second.openCount == 0 && second.stateChanges().isEmpty)
    }

    @Test("window holds a video until its end")
    func window() throws { try self.misuse({ try WindowOperator(Configuration(), context) }, gathers: true) }

    @Test("block holds a video until its end")
    func block() throws { try self.misuse({ try BlockOperator(Configuration(), context) }, gathers: true) }

    @Test("format knows a video's clips until its end")
    func format() throws { try self.misuse({ try FormatNarrationOperator(Configuration(), context) }, gathers: false) }

    @Test("filter knows its verdict on a video until its end")
    func filterVideos() throws { try self.misuse(self.filter, gathers: false) }

    @Test("an end of another video or pass ends nothing")
    func otherEnds() throws {
        var block = try BlockOperator(Configuration(), context)
        let ends = [
            EndOfVideo(videoUID: "w", pass: 1, narrations: 5), EndOfVideo(videoUID: "v", pass: 2, narrations: 5),
        ]
        let outcome = block.run(self.events.dropLast() + ends.map(NarrationEvent.end))
        #expect(outcome.emitted.isEmpty && outcome.counts == ["end-without-video": 2] && block.openCount == 1)
    }
}
