// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import Testing

@testable import VideoAnnotations

@Suite("window")
struct WindowOperatorTests {
    private func run(
        _ events: [NarrationEvent], alpha: Double = 4.9, minimumSeconds: Double = 1,
        method: WindowOperator.Method = .contextual
    ) throws -> Outcome<NarrationEvent> {
        var configuration = Configuration()
        configuration.set(WindowOperator.alpha, alpha)
        configuration.set(WindowOperator.minimumSeconds, minimumSeconds)
        configuration.set(WindowOperator.method, method)
        var window = try WindowOperator(configuration, context)
        let outcome = window.run(events)
        #expect(window.stateChanges().isEmpty)
        return outcome
    }

    private func windows(_ outcome: Outcome<NarrationEvent>) -> [Interval?] {
        outcome.values.compactMap { event -> Interval?? in
            if case .narration(let narration) = event { narration.window } else { nil }
        }
    }

    private func meanGap(_ outcome: Outcome<NarrationEvent>) -> Double? {
        guard case .video(let video)? = outcome.values.first else { return nil }
        return video.meanGapSec
    }

    private let video = Video(videoUID: "v", source: "ego4d", clips: [clip("c", 0, 100)])

    @Test("the mean of the positive gaps over alpha, around each timestamp")
    func contextual() throws {
        // Gaps 6, 0, 2, 4: the positive ones have mean 4; over alpha 0.5 that is 8 s, half of it on each side.
        let events = stream(self.video, narrations(at: [1, 7, 7, 9, 13]))
        let outcome = try self.run(events, alpha: 0.5)
        #expect(self.meanGap(outcome) == 4)
        #expect(
            self.windows(outcome) == [
                Interval(-3, 5), Interval(3, 11), Interval(3, 11), Interval(5, 13), Interval(9, 17),
            ])
        #expect(outcome.emitted.map(\.origin) == [0, 1, 2, 3, 4, 5, 6])
        #expect(outcome.values.last == .end(EndOfVideo(videoUID: "v", narrations: 5)))
        #expect(outcome.counts.isEmpty)
    }

    @Test("the row of EgoVLP's data that its documentation shows")
    func egoVLP() throws {
        // Narration at 3.3445 with clip 2.967651…3.721266, whose length times 4.9 is the mean gap of the video.
        let gap = (3.721266 - 2.967651) * 4.9
        let outcome = try self.run(stream(self.video, narrations(at: [3.3445, 3.3445 + gap])), minimumSeconds: 0)
        let first: Interval? = self.windows(outcome).first ?? nil
        let window = try #require(first)
        #expect(abs(window.start - 2.967651) < 1e-4 && abs(window.end - 3.721266) < 1e-4)
    }

    @Test("no window is shorter than the minimum")
    func minimum() throws {
        let outcome = try self.run(stream(self.video, narrations(at: [0.25, 1.25])), minimumSeconds: 1)
        #expect(self.windows(outcome) == [Interval(-0.25, 0.75), Interval(0.75, 1.75)])
        #expect(self.meanGap(outcome) == 1)
    }

    @Test("gaps are those of the sorted times, output keeps the order of input")
    func unsorted() throws {
        let outcome = try self.run(stream(self.video, narrations(at: [9, 1, 5])), alpha: 2, minimumSeconds: 0)
        #expect(self.meanGap(outcome) == 4)
        #expect(self.windows(outcome) == [Interval(8, 10), Interval(0, 2), Interval(4, 6)])
    }

    @Test("fewer than two distinct times have no gap", arguments: [[], [3.5], [3.5, 3.5, 3.5]])
    func noGap(_ times: [Double]) throws {
        let outcome = try self.run(stream(self.video, narrations(at: times)))
        #expect(self.meanGap(outcome) == nil)
        #expect(outcome.values == stream(self.video, narrations(at: times)).filter { !$0.isNarration })
        #expect(outcome.counts == (times.isEmpty ? [:] : ["no-gap": times.count]))
    }

    @Test("unsure, blank and summary narrations count for the gap")
    func everyNarrationCounts() throws {
        var given = narrations(at: [0, 2, 8])
        given[1].text = "#unsure"
        #expect(self.meanGap(try self.run(stream(self.video, given))) == 4)
    }

    @Test("annotated windows are the source's own, whatever the minimum")
    func annotated() throws {
        var given = narrations(at: [1, 2, 3, 4, 5])
        given[0].annotated = Interval(0.5, 1.25)
        given[2].annotated = Interval(3, 3)
        given[3].annotated = Interval(4, 3)
        given[4].annotated = Interval(5, .infinity)
        let outcome = try self.run(stream(self.video, given), method: .annotated)
        #expect(self.windows(outcome) == [Interval(0.5, 1.25)])
        #expect(outcome.counts == ["no-interval": 4])
        #expect(self.meanGap(outcome) == 1)
    }

    @Test("one narration with an interval needs no gap")
    func annotatedAlone() throws {
        var given = narrations(at: [1])
        given[0].annotated = Interval(0, 2)
        let outcome = try self.run(stream(self.video, given), method: .annotated)
        #expect(self.windows(outcome) == [Interval(0, 2)])
        #expect(self.meanGap(outcome) == nil)
    }

    @Test("automatic is annotated where the source gives intervals, and contextual where it gives none")
    func automatic() throws {
        var given = narrations(at: [0, 4])
        let contextual = try self.run(stream(self.video, given), alpha: 1, method: .automatic)
        #expect(self.windows(contextual) == [Interval(-2, 2), Interval(2, 6)])
        given[1].annotated = Interval(4, 5)
        let annotated = try self.run(stream(self.video, given), alpha: 1, method: .automatic)
        #expect(self.windows(annotated) == [Interval(4, 5)])
        #expect(annotated.counts == ["no-interval": 1])
    }

    @Test("passes and videos have their own gaps, though their records alternate")
    func interleaved() throws {
        let second = Video(videoUID: "v", pass: 2, source: "ego4d")
        let mixed = zip(
            stream(self.video, narrations(at: [0, 4])), stream(second, narrations(at: [0, 10], pass: 2))
        ).flatMap { [$0, $1] }
        let outcome = try self.run(mixed, alpha: 1)
        #expect(
            self.windows(outcome) == [Interval(-2, 2), Interval(2, 6), Interval(-5, 5), Interval(5, 15)])
        #expect(outcome.values.map(\.pass) == [1, 1, 1, 1, 2, 2, 2, 2])
    }

    @Test("a video that begins anew replaces what was held")
    func superseded() throws {
        var newer = self.video
        newer.revision = 2
        let first = Array(stream(self.video, narrations(at: [0, 1, 2])).dropLast())
        let outcome = try self.run(first + stream(newer, narrations(at: [0, 4])), alpha: 1)
        #expect(self.windows(outcome) == [Interval(-2, 2), Interval(2, 6)])
        newer.meanGapSec = 4
        #expect(outcome.values.first == .video(newer))
        #expect(outcome.counts == ["superseded": 3])
    }

    @Test("records without their video's record are dropped")
    func noVideoRecord() throws {
        let outcome = try self.run(Array(stream(self.video, narrations(at: [0, 4])).dropFirst()))
        #expect(outcome.emitted.isEmpty)
        #expect(outcome.counts == ["no-video-record": 2, "end-without-video": 1])
    }

    @Test("the mean gap travels in the video's JSON, where there is one")
    func meanGapInJSON() throws {
        var video = self.video
        let without = NarrationEvent.video(video)
        #expect(!String(decoding: without.json, as: UTF8.self).contains("mean_gap_sec"))
        video.meanGapSec = 0.1 + 0.2
        let with = NarrationEvent.video(video)
        #expect(String(decoding: with.json, as: UTF8.self).hasSuffix(#""mean_gap_sec":0.30000000000000004}"#))
        for event in [without, with] {
            let again = try JSONScanner.scan(event.json) { json throws(JSONError) in try NarrationEvent(json: &json) }
            #expect(again == event)
        }
    }

    @Test("alpha must be positive and the minimum not negative")
    func fields() {
        #expect(WindowOperator.alpha.defaultValue == 4.9)
        #expect(WindowOperator.minimumSeconds.defaultValue == 1)
        for (field, value) in [("alpha", "0"), ("alpha", "-1"), ("alpha", "nan"), ("minimum-seconds", "-0.5")] {
            let node = ConfigurationNode(
                .mapping([
                    (
                        field, SourceMark(line: 1, column: 1),
                        ConfigurationNode(.scalar(value), mark: SourceMark(line: 1, column: 8))
                    )
                ]),
                mark: SourceMark(line: 1, column: 1))
            var reader = ConfigurationReader(file: "t.yaml") { _ in "" }
            #expect(reader.configuration(node, fields: WindowOperator.specification.fields) == nil)
            #expect(reader.diagnostics.count == 1)
        }
    }
}

extension NarrationEvent {
    var isNarration: Bool { if case .narration = self { true } else { false } }
}
