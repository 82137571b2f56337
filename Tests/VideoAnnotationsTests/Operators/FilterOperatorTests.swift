// SPDX-License-Identifier: Apache-2.0

import Dataflow
import Records
import Testing

@testable import VideoAnnotations

@Suite("filter")
struct FilterOperatorTests {
    private func configuration(videos: Bool = false, narrations: Bool = false) -> Configuration {
        var configuration = Configuration()
        if videos { configuration.set(FilterOperator.videos, Configuration()) }
        if narrations { configuration.set(FilterOperator.narrations, Configuration()) }
        return configuration
    }

    private func video(_ uid: String, splits: [String]? = [], hasFeatures: Bool? = true) -> Video {
        Video(videoUID: uid, source: "ego4d", splits: splits, hasFeatures: hasFeatures)
    }

    @Test("wants to be told what to drop")
    func empty() {
        #expect(throws: ConfigurationError.self) { try FilterOperator(Configuration(), context) }
    }

    @Test("drops whole videos by split and features, unknown features pass")
    func videos() throws {
        var filter = try FilterOperator(self.configuration(videos: true), context)
        let kept = [
            stream(self.video("a"), narrations(at: [1, 2], video: "a")),
            stream(self.video("b", splits: ["train"], hasFeatures: nil), narrations(at: [1], video: "b")),
        ]
        let dropped = [
            stream(self.video("c", splits: ["val"]), narrations(at: [1, 2, 3], video: "c")),
            stream(self.video("d", splits: ["train", "test"], hasFeatures: false), narrations(at: [1], video: "d")),
            stream(self.video("e", hasFeatures: false), narrations(at: [1, 2], video: "e")),
        ]
        let outcome = filter.run(dropped[0] + kept[0] + dropped[1] + dropped[2] + kept[1])
        #expect(outcome.values == kept[0] + kept[1])
        #expect(
            outcome.counts == [
                "excluded-split": 2, "excluded-split-narrations": 4, "no-features": 1, "no-features-narrations": 2,
            ])
        #expect(outcome.letters.isEmpty)
        #expect(filter.stateChanges().isEmpty)
    }

    @Test("videos whose records alternate keep their verdicts, passes of a video have their own")
    func interleaved() throws {
        var filter = try FilterOperator(self.configuration(videos: true), context)
        let good = stream(self.video("a"), narrations(at: [1, 2], video: "a"))
        var second = self.video("a", splits: ["val"])
        second.pass = 2
        let bad = stream(second, narrations(at: [1, 2], video: "a", pass: 2))
        let mixed = zip(good, bad).flatMap { [$0, $1] }
        #expect(filter.run(mixed).values == good)
    }

    @Test("what is configured is what is dropped")
    func configured() throws {
        var videos = Configuration()
        videos.set(FilterOperator.excludeSplits, [.train])
        videos.set(FilterOperator.requireFeatures, false)
        var configuration = Configuration()
        configuration.set(FilterOperator.videos, videos)
        var filter = try FilterOperator(configuration, context)
        let kept = stream(self.video("a", splits: ["val"], hasFeatures: false), [])
        let dropped = stream(self.video("b", splits: ["train"]), [])
        #expect(filter.run(kept + dropped).values == kept)
    }

    @Test("drops narrations by their tags; the end keeps the source's count")
    func narrationTags() throws {
        var filter = try FilterOperator(self.configuration(narrations: true), context)
        var given = narrations(at: [0, 1, 2, 3, 4, 5, 6])
        given[1].text = "#C C holds #Usure"
        given[2].text = " \n"
        given[4].text = "#Summary C cooked"
        given[5].text = "#C"
        let outcome = filter.run(stream(self.video("v", splits: nil, hasFeatures: nil), given))
        #expect(outcome.emitted.map(\.origin) == [0, 1, 4, 7, 8])
        #expect(outcome.values.last == .end(EndOfVideo(videoUID: "v", narrations: 7)))
        #expect(outcome.counts == ["unsure": 1, "blank": 2, "summary": 1])
    }

    @Test("each kind of narration may be kept")
    func narrationsKept() throws {
        for field in [FilterOperator.dropUnsure, FilterOperator.dropBlank, FilterOperator.dropSummary] {
            var narrationRules = Configuration()
            narrationRules.set(field, false)
            var configuration = Configuration()
            configuration.set(FilterOperator.narrations, narrationRules)
            var filter = try FilterOperator(configuration, context)
            var given = narrations(at: [0, 1, 2])
            given[0].text = "#unsure thing"
            given[1].text = ""
            given[2].text = "#summary C cooked"
            #expect(filter.run(stream(self.video("v"), given)).values.count == 3, "\(field.name)")
        }
    }

    @Test("a narration without its video's record is dropped where videos are judged")
    func noVideoRecord() throws {
        let events = Array(stream(self.video("v"), narrations(at: [1, 2])).dropFirst())
        var filter = try FilterOperator(self.configuration(videos: true), context)
        let outcome = filter.run(events)
        #expect(outcome.emitted.isEmpty)
        #expect(outcome.counts == ["no-video-record": 2, "end-without-video": 1])
        var second = try FilterOperator(self.configuration(narrations: true), context)
        #expect(second.run(events).values == events)
    }

    @Test("a video of unknown splits is refused record by record, with the remedy")
    func unguarded() throws {
        var filter = try FilterOperator(self.configuration(videos: true), context)
        let events = stream(self.video("v", splits: nil, hasFeatures: false), narrations(at: [1, 2]))
        let outcome = filter.run(events)
        #expect(outcome.emitted.isEmpty)
        #expect(outcome.counts.isEmpty)
        #expect(outcome.letters.map(\.origin) == [0, 1, 2, 3])
        for letter in outcome.letters {
            #expect(letter.kind == .refused && letter.reason == "unguarded-video" && letter.step == "filter")
            #expect(letter.message.contains("--exclude") && letter.message.contains("--allow-unguarded"))
            #expect(letter.message.contains("video v"))
        }
    }

    @Test("a video of unknown splits passes where the user allows it or nothing is excluded")
    func guardedOtherwise() throws {
        let events = stream(self.video("v", splits: nil), narrations(at: [1, 2]))
        let allowing = OperatorContext(topologyHash: "t", allowUnguarded: true)
        var filter = try FilterOperator(self.configuration(videos: true), allowing)
        #expect(filter.run(events).values == events)

        var videos = Configuration()
        videos.set(FilterOperator.excludeSplits, [])
        var configuration = Configuration()
        configuration.set(FilterOperator.videos, videos)
        var open = try FilterOperator(configuration, context)
        #expect(open.run(events).values == events)
    }

    @Test("a newer revision is judged anew")
    func revision() throws {
        var filter = try FilterOperator(self.configuration(videos: true), context)
        let first = Array(stream(self.video("v"), narrations(at: [1, 2])).dropLast())
        let second = stream(self.video("v", splits: ["val"]), narrations(at: [1, 2]))
        #expect(filter.run(first + second).values == first)
        #expect(filter.run(first).values == first)
    }

    @Test("both sections at once")
    func both() throws {
        var filter = try FilterOperator(self.configuration(videos: true, narrations: true), context)
        var given = narrations(at: [0, 1])
        given[0].text = "#unsure"
        let outcome = filter.run(
            stream(self.video("v"), given) + stream(self.video("w", splits: ["test"]), narrations(at: [0], video: "w")))
        #expect(outcome.values.count == 3)
        #expect(outcome.counts == ["unsure": 1, "excluded-split": 1, "excluded-split-narrations": 1])
    }
}
