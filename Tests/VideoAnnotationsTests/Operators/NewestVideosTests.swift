// SPDX-License-Identifier: Apache-2.0

import Codecs
import Dataflow
import Records
import Synchronization
import Testing

@testable import VideoAnnotations

/// The filter's treatment of videos that came more than once.
@Suite struct NewestVideosTests {
    private static func video(
        _ uid: String = "v", pass: Int = 1, source: String = "ego4d", splits: [String]? = [], revision: Int = 1
    ) -> Video {
        Video(videoUID: uid, pass: pass, source: source, splits: splits, revision: revision)
    }

    private static func filter(_ newest: NewestVideos?, allowUnguarded: Bool = false) throws -> FilterOperator {
        var configuration = Configuration()
        configuration.set(FilterOperator.videos, Configuration())
        var context = OperatorContext(topologyHash: "t", allowUnguarded: allowUnguarded)
        if let newest { context.services.set(newest, as: NewestVideos.self) }
        return try FilterOperator(configuration, context)
    }

    private static func newest(isBounded: Bool, _ videos: Video...) -> NewestVideos {
        let newest = NewestVideos(excludedSplits: ["val", "test"], isBounded: isBounded)
        videos.forEach(newest.take)
        return newest
    }

    private static func events(_ video: Video, _ times: [Double] = [1, 2]) -> [NarrationEvent] {
        stream(video, narrations(at: times, video: video.videoUID, pass: video.pass))
    }

    @Test(
        "of revisions that are all known the newest alone passes, and older ones are counted", arguments: [true, false])
    func newestAlone(isBounded: Bool) throws {
        let revisions = (1...3).map { Self.video(revision: $0) }
        let newest = Self.newest(isBounded: isBounded, revisions[0], revisions[1], revisions[2])
        #expect(newest.olderCount == 2 && newest.newlyExcludedCount == 0)
        var filter = try Self.filter(newest)
        let outcome = filter.run(revisions.flatMap { Self.events($0) })
        #expect(outcome.values == Self.events(revisions[2]))
        #expect(outcome.counts == ["superseded-revision": 2, "superseded-revision-narrations": 4])
    }

    @Test("a run that has read an older revision before says so, and that alone, over a crash too")
    func afterAnOlderOne() throws {
        var filter = try Self.filter(Self.newest(isBounded: false))
        #expect(filter.run(Self.events(Self.video())).counts == [:])
        // Two more came at once: the one between never passes.
        let newest = Self.newest(isBounded: false, Self.video(revision: 2), Self.video(revision: 3))
        var next = try Self.filter(newest)
        #expect(
            next.run(Self.events(Self.video(revision: 2))).counts.keys.sorted() == [
                "superseded-revision", "superseded-revision-narrations",
            ])
        let entries = next.stateChanges().compactMap { change in
            change.value.map { StateEntry(key: change.key, value: $0) }
        }
        #expect(entries.count == 1)
        var restored = try Self.filter(newest)
        try restored.restore(entries)
        let outcome = restored.run(Self.events(Self.video(splits: ["val"], revision: 3)))
        #expect(outcome.values.isEmpty)
        #expect(
            outcome.counts == [
                "newer-revision": 1, "newly-excluded": 1, "excluded-split": 1, "excluded-split-narrations": 2,
            ])
        // It is forgotten with the newest one's end.
        #expect(restored.stateChanges().allSatisfy { $0.value == nil })
        #expect(restored.run(Self.events(Self.video(revision: 4))).counts == ["newer-revision": 1])
    }

    @Test("the user is told once of what comes late, at once")
    func told() throws {
        let said = Mutex<[String]>([])
        let newest = NewestVideos(excludedSplits: ["val"], isBounded: false) { text in said.withLock { $0.append(text) }
        }
        var filter = try Self.filter(newest)
        _ = filter.run(Self.events(Self.video()))
        #expect(said.withLock { $0 }.isEmpty)
        _ = filter.run(Self.events(Self.video(splits: ["val"], revision: 2)))
        _ = filter.run(Self.events(Self.video(revision: 3)))
        let texts = said.withLock { $0 }
        #expect(texts.count == 1 && texts[0].contains("video v, pass 1") && texts[0].contains("excluded"))
    }

    @Test("the newest guard holds for all passes and sources of a video, whatever their own records say")
    func guardOfAll() throws {
        let newest = Self.newest(
            isBounded: true, Self.video(), Self.video(pass: 2), Self.video(pass: 2, splits: ["val"], revision: 2),
            Self.video("w", splits: ["test"]), Self.video("w", source: "goalstep", splits: nil))
        #expect(newest.newlyExcludedCount == 2)
        var filter = try Self.filter(newest)
        let outcome = filter.run(
            Self.events(Self.video()) + Self.events(Self.video("w", source: "goalstep", splits: nil)))
        #expect(outcome.values.isEmpty)
        #expect(outcome.counts == ["excluded-split": 2, "excluded-split-narrations": 4])
        #expect(newest.reasonToDrop(Bytes("v".utf8)) == "excluded-split")
        #expect(newest.reasonToDrop(Bytes("x".utf8)) == nil && !newest.isIdle)
        // Taken back by the newest revision of the same pass and source.
        newest.take(Self.video(pass: 2, revision: 3))
        #expect(newest.reasonToDrop(Bytes("v".utf8)) == nil)
    }

    @Test("revisions of one source say nothing of another's")
    func sources() throws {
        let newest = Self.newest(isBounded: true, Self.video(revision: 2), Self.video(source: "goalstep"))
        var filter = try Self.filter(newest)
        #expect(filter.run(Self.events(Self.video(source: "goalstep"))).values.count == 4)
        #expect(newest.olderCount == 0)
    }

    @Test("who says nothing of splits takes nothing back; an unguarded revision gives way to a guarded one")
    func silence() throws {
        let silent = Self.newest(isBounded: true, Self.video(splits: ["val"]), Self.video(splits: nil, revision: 2))
        #expect(silent.splitGuard(of: "v") == VideoGuard(splits: ["val"], isComplete: true))
        var filter = try Self.filter(
            Self.newest(isBounded: true, Self.video(splits: nil), Self.video(revision: 2)))
        let outcome = filter.run(Self.events(Self.video(splits: nil)) + Self.events(Self.video(revision: 2)))
        #expect(outcome.letters.isEmpty && outcome.values.count == 4)
    }

    @Test("what is known of some members excludes a group even where unguarded videos are allowed")
    func someMembers() throws {
        var group = Self.video("grp-a", splits: nil)
        group.knownSplits = ["val"]
        var strict = try Self.filter(nil)
        let refused = strict.run(Self.events(group)).letters
        #expect(refused.count == 4 && refused.allSatisfy { $0.kind == .refused && $0.message.contains("--groups") })
        var allowing = try Self.filter(nil, allowUnguarded: true)
        let outcome = allowing.run(Self.events(group) + Self.events(Self.video("grp-b", splits: nil)))
        #expect(outcome.values == Self.events(Self.video("grp-b", splits: nil)))
        #expect(outcome.counts == ["unguarded-video": 2, "excluded-split": 1, "excluded-split-narrations": 2])
    }

    @Test("what an ingest writes down of a video is what the video's record says")
    func notes() throws {
        var group = Self.video("g/1", pass: 2, source: "goalstep", splits: nil, revision: 3)
        group.knownSplits = ["val"]
        for video in [Self.video(splits: ["val", "test"]), Self.video(), Self.video(splits: nil), group] {
            let newest = NewestVideos(excludedSplits: ["val"], isBounded: false)
            newest.take(
                group: "\(video.videoUID)/\(video.pass)", revision: video.revision, note: NewestVideos.note(of: video),
                source: "jsonl")
            #expect(newest.splitGuard(of: video.videoUID) == video.splitGuard)
            var older = video
            older.revision -= 1
            #expect(newest.isSuperseded(older) && !newest.isSuperseded(video))
        }
        // An earlier version noted nothing, and other entries are none of groups.
        let old = NewestVideos(excludedSplits: ["val"], isBounded: false)
        old.take(group: "v/1", revision: 2, note: [], source: "ego4d")
        old.take(group: "problem", revision: 1, note: [], source: "ego4d")
        #expect(old.isSuperseded(Self.video()) && old.splitGuard(of: "v") == nil)
    }

    @Test("the splits that a topology excludes are its filters', and blocks are the gate's to look at")
    func topology() {
        func splits(_ change: (inout Configuration) -> Void) -> Set<String> {
            var configuration = Configuration()
            change(&configuration)
            let filter = Step(overload: OperatorOverload(FilterOperator.self), configuration: configuration)
            let window = Step(overload: OperatorOverload(WindowOperator.self), configuration: Configuration())
            let input = StreamType(NarrationEvent.self)
            #expect(judgesNoVideos(input, [filter, window]) == (configuration[FilterOperator.videos] == nil))
            return excludedSplits(of: [filter, window])
        }
        #expect(splits { $0.set(FilterOperator.videos, Configuration()) } == ["val", "test"])
        var videos = Configuration()
        videos.set(FilterOperator.excludeSplits, [.train])
        #expect(splits { $0.set(FilterOperator.videos, videos) } == ["train"])
        #expect(splits { $0.set(FilterOperator.narrations, Configuration()) } == [])
        #expect(!judgesNoVideos(StreamType(Block.self), []), "only what reads narrations has videos to judge")
        let gate = Self.newest(isBounded: true)
        #expect(gate.isIdle && gate.guards(StreamType(Block.self)) && !gate.guards(StreamType(NarrationEvent.self)))
    }
}
