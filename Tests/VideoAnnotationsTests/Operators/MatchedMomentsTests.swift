// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import Testing

@testable import VideoAnnotations

@Suite("matched windows")
struct MatchedMomentsTests {
    private let video = Video(videoUID: "v", source: "ego4d", durationSec: 480, clips: [clip("c", 0, 480)])

    private static let texts = [
        "#C C picks the plate", "#C C washes the plate", "#C C opens a drawer", "#C C takes a knife", "#unsure",
        "#C C cuts the onion with the knife", "#C C looks around", "#O man X gives C an onion",
    ]

    /// Narrations at odd gaps, from a seed; with intervals where wanted.
    private func narrations(_ count: Int, seed: String, intervals: Bool = false) -> [Narration] {
        var hash = StableHash("moments", seed)
        var time = 0.0
        return (0..<count).map { index in
            time += Double(hash.below(600)) / 100
            let text = Self.texts[hash.below(Self.texts.count)]
            let length = Double(1 + hash.below(800)) / 100
            return Narration(
                videoUID: "v", index: index, timestampSec: time, text: text,
                annotated: intervals ? Interval(time, time + length) : nil)
        }
    }

    private func moments(_ narrations: [Narration], intervals: Bool = false) -> [MatchedMoments.Moment?] {
        MatchedMoments(of: narrations, lengths: QueryReference.humanTrain.durations, usesIntervals: intervals)
            .moments(in: self.video)
    }

    @Test("A window covers its run and no other time, is never empty and never leaves the clip", arguments: 0..<8)
    func bounds(seed: Int) throws {
        let narrations = self.narrations(120, seed: String(seed))
        let moments = self.moments(narrations)
        #expect(moments.compactMap(\.self).count > 100)
        for (place, moment) in moments.enumerated() {
            guard let moment else { continue }
            #expect(moment.window.length > 0 && Interval(0, 480).contains(moment.window))
            let covered = Set(narrations.indices.filter { moment.window.contains(narrations[$0].timestampSec) })
            let run = Set(moment.others + [place])
            #expect(covered.isSuperset(of: run), "\(place)")
            // Others at the very same time cannot be told apart.
            let times = Set(run.map { narrations[$0].timestampSec })
            #expect(covered.subtracting(run).allSatisfy { times.contains(narrations[$0].timestampSec) }, "\(place)")
        }
    }

    @Test("Where the source has intervals, the window is one of them or reaches over a run's", arguments: 0..<8)
    func intervals(seed: Int) throws {
        let narrations = self.narrations(120, seed: String(seed), intervals: true)
        for (place, moment) in self.moments(narrations, intervals: true).enumerated() {
            guard let moment else { continue }
            let run = ([place] + moment.others).compactMap { narrations[$0].annotated }
            #expect(moment.window.start == run.map(\.start).min() && moment.window.end == run.map(\.end).max())
        }
    }

    @Test("Lengths follow the reference where there is room for them")
    func lengths() throws {
        // One thing all along, every two seconds.
        var lengths: [Double] = []
        for video in 0..<40 {
            let narrations = (0..<200).map {
                Narration(
                    videoUID: "v\(video)", index: $0, timestampSec: 20 + 2 * Double($0), text: "#C C cuts an onion")
            }
            lengths += self.moments(narrations).compactMap { $0?.window.length }
        }
        #expect(lengths.count > 7900)
        #expect(Spread(values: lengths).distance(from: QueryReference.humanTrain.durations) < 0.03)
    }

    @Test("Draws are a narration's own: one that is added elsewhere changes nothing")
    func keyed() {
        let narrations = self.narrations(100, seed: "keyed")
        let all = self.moments(narrations)
        let fewer = self.moments(Array(narrations.prefix(60)))
        #expect(Array(all.prefix(15)) == Array(fewer.prefix(15)))
        #expect(self.moments(narrations) == all)
    }

    @Test("A run ends where something else begins for good")
    func runs() throws {
        // Two about an onion with two interruptions, then only other things.
        let texts = [
            "reads", "cuts onion", "opens door", "drops towel", "peels onions", "reads", "writes", "sings",
            "cuts onion",
        ]
        let narrations = texts.enumerated().map {
            Narration(videoUID: "v", index: $0.offset, timestampSec: 10 + Double($0.offset), text: "#C C " + $0.element)
        }
        let long = try #require(Spread(quantiles: [3.2, 3.9]))
        let moments = MatchedMoments(of: narrations, lengths: long, usesIntervals: false).moments(in: self.video)
        #expect(moments[1]?.others == [2, 3, 4] && moments[1]?.window.length ?? 0 >= 3.2)
        // Nobody else has room for that length, but the first and the last, which have all the time to the clip's ends.
        #expect(moments[2...7].allSatisfy { $0 == nil } && moments[0]?.others == [] && moments[8]?.others == [])
    }

    @Test("The step writes the windows with what they cover, and counts what has no moment")
    func step() throws {
        var configuration = Configuration()
        configuration.set(WindowOperator.method, .matched)
        configuration.set(
            WindowOperator.reference,
            FileReference(path: "r.json", content: "{\"train\":{\"duration_sec\":{\"quantiles\":[3.2,3.9]}}}"))
        var window = try WindowOperator(configuration, context)
        let texts = ["reads", "cuts onion", "#unsure", "drops towel", "peels onions", "reads"]
        let narrations = texts.enumerated().map {
            Narration(videoUID: "v", index: $0.offset, timestampSec: 10 + Double($0.offset), text: "#C C " + $0.element)
        }
        let outcome = window.run(stream(self.video, narrations))
        let written = outcome.values.compactMap { event -> Narration? in
            if case .narration(let narration) = event { narration } else { nil }
        }
        #expect(written.map(\.index) == [0, 1, 5] && outcome.counts == ["no-moment": 3])
        #expect(written[1].covered == ["#C C drops towel", "#C C peels onions"] && written[0].covered == nil)
        // It is read again as it was written.
        var json = JSONWriter()
        NarrationEvent.narration(written[1]).write(to: &json)
        let again = try JSONScanner.scan(json.bytes) { json throws(JSONError) in try NarrationEvent(json: &json) }
        #expect(again == .narration(written[1]))
    }

    @Test("A reference that is none, or that nothing draws from, is refused")
    func refused() {
        var configuration = Configuration()
        configuration.set(WindowOperator.reference, FileReference(path: "r.json", content: "{}"))
        #expect(throws: ConfigurationError.self) { try WindowOperator(configuration, context) }
        configuration.set(WindowOperator.method, .matched)
        let error = #expect(throws: ConfigurationError.self) { try WindowOperator(configuration, context) }
        #expect(error?.message.contains("r.json, line 1") == true && error?.field == "reference")
    }

    @Test func words() {
        func isAbout(_ one: String, _ other: String) -> Bool { MomentWords(one).isAbout(MomentWords(other)) }
        #expect(isAbout("#C C washes the plates", "#C C holds a plate"))
        #expect(isAbout("#C C washes a cup", "#C C wash hands"))
        #expect(!isAbout("#C C picks the cup with his left hand", "#C C opens the drawer with the left hand"))
        #expect(!isAbout("#unsure", "#unsure") && !isAbout("", ""))
    }
}
