// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import SampleWorld

@Suite struct AnnotationFormatTests {
    private typealias Object = WrittenWorld.Object
    private let options = SampleWorldOptions(videos: 24, features: false)

    @Test func narrationsHaveTheFieldsOfTheRealFile() throws {
        let world = try WrittenWorld(self.options)
        var missing = 0
        for (uid, value) in try world.json("narration.json") {
            #expect(uid.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil)
            let video = try #require(value as? Object)
            #expect(video["status"] as? String == "complete")
            #expect(video["narration_pass_1"] != nil)
            if video["narration_pass_2"] == nil { missing += 1 }
            for name in ["narration_pass_1", "narration_pass_2"] {
                guard let pass = video[name] as? Object else { continue }
                for line in try #require(pass["narrations"] as? [Object]) {
                    let time = try #require(line["timestamp_sec"] as? Double)
                    #expect(line["timestamp_frame"] as? Int == Int((time * 30 + 1e-6).rounded(.down)))
                    #expect(try #require(line["_unmapped_timestamp_sec"] as? Double) >= time)
                    #expect(line["narration_text"] is String)
                    #expect(line["annotation_uid"] is String)
                }
                for summary in try #require(pass["summaries"] as? [Object]) {
                    let start = try #require(summary["start_sec"] as? Double)
                    #expect(try #require(summary["end_sec"] as? Double) > start)
                    #expect((summary["summary_text"] as? String)?.hasPrefix("#summary") == true)
                    #expect(summary["annotation_uid"] is String)
                }
            }
        }
        #expect((1...8).contains(missing), "\(missing) of 24 videos without pass 2")
    }

    @Test func metadataAndQueriesAgree() throws {
        let world = try WrittenWorld(self.options)
        let metadata = try world.json("ego4d.json")
        let videos = try #require(metadata["videos"] as? [Object])
        var durations: [String: Double] = [:]
        for video in videos {
            durations[try #require(video["video_uid"] as? String)] = try #require(video["duration_sec"] as? Double)
            #expect((video["video_metadata"] as? Object)?["fps"] as? Double == 30)
            #expect((video["scenarios"] as? [String])?.count == 1)
        }
        #expect(durations.count == 24)
        #expect(Set(try world.json("narration.json").keys) == Set(durations.keys))
        var starts: [String: Double] = [:]
        var ends: [String: Double] = [:]
        for clip in try #require(metadata["clips"] as? [Object]) {
            let uid = try #require(clip["clip_uid"] as? String)
            let video = try #require(clip["video_uid"] as? String)
            let start = try #require(clip["video_start_sec"] as? Double)
            let end = try #require(clip["video_end_sec"] as? Double)
            #expect(abs(end - start - 480) < 1e-6)
            #expect(start >= ends[video] ?? 0)
            let duration = try #require(durations[video])
            #expect(end <= duration)
            starts[uid] = start
            ends[video] = end
        }
        #expect(starts.count == world.summary.clips)
        for name in ["nlq_train.json", "nlq_val.json", "nlq_test.json", "nlq_test_unannotated.json"] {
            for query in try world.queries(name) { #expect(starts[query.clipUID] == query.clipStart) }
            let split = name.dropFirst(4).prefix { $0.isLetter }
            for video in try #require(world.json(name)["videos"] as? [Object]) {
                #expect(video["split"] as? String == String(split))
                for clip in try #require(video["clips"] as? [Object]) {
                    #expect(clip["clip_start_sec"] as? Int == 0)
                    #expect(clip["clip_end_sec"] as? Double == 480)
                    #expect(clip["source_clip_uid"] is String)
                }
            }
        }
    }

    @Test func answersLieWithinTheirClip() throws {
        let world = try WrittenWorld(self.options)
        for name in ["nlq_train.json", "nlq_val.json", "nlq_test.json"] {
            for query in try world.queries(name) {
                let start = try query.seconds("clip_start_sec")
                let end = try query.seconds("clip_end_sec")
                #expect(0 <= start && start + 0.1 < end && end <= 480)
                #expect(abs(try query.seconds("video_start_sec") - query.clipStart - start) < 1e-6)
                #expect(abs(try query.seconds("video_end_sec") - query.clipStart - end) < 1e-6)
                let frame = Int((try query.seconds("video_start_sec") * 30 + 1e-6).rounded(.down))
                #expect(query.fields["video_start_frame"] as? Int == frame)
                let tags = try #require(query.fields["raw_tags"] as? [String])
                #expect(tags == [query.fields["template"] as? String ?? "", query.text, query.noun, query.verb])
            }
        }
    }

    @Test func testQueriesWithoutAnswersHoldTheTextAlone() throws {
        let world = try WrittenWorld(self.options)
        let bare = try world.queries("nlq_test_unannotated.json")
        let full = try world.queries("nlq_test.json")
        #expect(bare.allSatisfy { Array($0.fields.keys) == ["query"] })
        #expect(bare.map(\.text) == full.map(\.text))
        #expect(bare.map(\.clipUID) == full.map(\.clipUID))
    }

    @Test(arguments: [1, 2, 3, 4, 5, 7, 24, 100, 101])
    func splitsHaveTheirShares(videos: Int) {
        let splits = NLQSplit.assign(videos: videos, seed: 5)
        let counts = NLQSplit.allCases.map { split in splits.count { $0 == split } }
        #expect(splits.count == videos)
        guard videos >= 4 else { return #expect(splits == Array([.train, .val, .test].prefix(videos))) }
        for (count, share) in zip(counts, [0.4, 0.3, 0.15, 0.15]) {
            #expect(count >= 1)
            if videos >= 24 { #expect(abs(Double(count) - share * Double(videos)) < 1) }
        }
    }

    @Test func everySplitHasItsVideosToItself() throws {
        let world = try WrittenWorld(self.options)
        let uids = try ["nlq_train.json", "nlq_val.json", "nlq_test.json"].map { name in
            Set(try world.queries(name).map(\.videoUID))
        }
        #expect(uids.map(\.count) == [7, 4, 4])
        #expect(Set(uids.joined()).count == 15)
        // The leak guard has something to do: val and test videos are narrated.
        #expect(Set(try world.narrations().map(\.videoUID)).isSuperset(of: uids[1].union(uids[2])))
    }

    @Test func narrationTextIsAsDirtyAsTheRealOne() throws {
        let world = try WrittenWorld(self.options)
        let texts = try world.narrations().map(\.text)
        func share(_ isCounted: (String) -> Bool) -> Double {
            Double(texts.count(where: isCounted)) / Double(texts.count)
        }
        #expect((0.85...0.95).contains(share { $0.trimmingCharacters(in: .whitespaces).hasPrefix("#C") }))
        #expect((0.05...0.12).contains(share { $0.trimmingCharacters(in: .whitespaces).hasPrefix("#O") }))
        #expect((0.008...0.03).contains(share { $0.lowercased().contains(/\A\s*# ?(e?unsure|usure|nsure|unusre)/) }))
        #expect((0.15...0.25).contains(share { $0 != $0.trimmingCharacters(in: .whitespacesAndNewlines) }))
        #expect((0.015...0.05).contains(share { $0.contains("\n") }))
        #expect(texts.contains { $0.hasPrefix("# C") })
        #expect(texts.contains { !$0.contains("#") })
        #expect(texts.contains { $0.hasPrefix("#summary") })
    }

    @Test func narrationsAreUnorderedAndSometimesSimultaneous() throws {
        let world = try WrittenWorld(self.options)
        var unordered = 0
        var simultaneous = 0
        for uid in try world.json("narration.json").keys {
            let times = try world.narrations(pass: "narration_pass_1").filter { $0.videoUID == uid }.map(\.time)
            for (first, second) in zip(times, times.dropFirst()) {
                if second < first { unordered += 1 }
                if second == first { simultaneous += 1 }
            }
        }
        #expect(unordered > 10)
        #expect(simultaneous > 1)
    }
}
