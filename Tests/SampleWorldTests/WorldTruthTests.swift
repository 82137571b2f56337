// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import SampleWorld

@Suite struct WorldTruthTests {
    private let options = SampleWorldOptions(videos: 24, features: false)

    @Test func clipsHaveAtLeastSixtyEventsOfMedianLength() throws {
        for eventsPerClip in [60, 72, 100] {
            var options = self.options
            options.eventsPerClip = eventsPerClip
            let plan = WorldPlan(options: options)
            var lengths: [Microseconds] = []
            var counts: [Int] = []
            for index in plan.splits.indices {
                let video = VideoPlan(index: index, seed: options.seed)
                let events = plan.events(of: video)
                for (event, next) in zip(events, events.dropFirst()) { #expect(event.end <= next.start) }
                for (place, clip) in video.clips.enumerated() {
                    let inside = events.filter { $0.clip == place }
                    counts.append(inside.count)
                    #expect(inside.allSatisfy { $0.start >= clip.start && $0.end <= clip.end && $0.start < $0.end })
                    lengths += inside.map { $0.end - $0.start }
                }
            }
            #expect(try #require(counts.min()) >= 60)
            #expect(abs(counts.reduce(0, +) / counts.count - eventsPerClip) <= 2)
            let median = lengths.sorted()[lengths.count / 2]
            #expect((3_200_000...3_800_000).contains(median), "\(median) for \(eventsPerClip)")
        }
    }

    /// The truth, found again from the narrations alone.
    @Test(arguments: ["narration_pass_1", "narration_pass_2"])
    func answersHoldTheLastNarrationOfTheirPair(pass: String) throws {
        let world = try WrittenWorld(self.options)
        let reader = NarrationReader()
        var read: [String: [(time: Double, pair: String)]] = [:]
        for narration in try world.narrations(pass: pass) {
            guard let pair = reader.pair(in: narration.text) else { continue }
            read[narration.videoUID, default: []].append((narration.time, pair))
        }
        var checked = 0
        var recurring = 0
        for name in ["nlq_train.json", "nlq_val.json", "nlq_test.json"] {
            for query in try world.queries(name) {
                let times = (read[query.videoUID] ?? [])
                    .filter { $0.pair == query.pair && $0.time >= query.clipStart && $0.time < query.clipEnd }
                    .map(\.time)
                // Only the second annotator misses events.
                guard let last = times.max() else {
                    #expect(pass == "narration_pass_2")
                    continue
                }
                checked += 1
                if times.count > 1 { recurring += 1 }
                #expect(last > (try query.seconds("video_start_sec")), "\(query.text)")
                #expect(last < (try query.seconds("video_end_sec")), "\(query.text)")
            }
        }
        #expect(checked > 200)
        #expect(recurring > 20)
    }

    /// Neither word alone tells the moment: in every clip most verbs and nouns occur with several partners.
    @Test func verbsAndNounsRecurWithOtherPartners() throws {
        let plan = WorldPlan(options: self.options)
        for index in plan.splits.indices {
            let video = VideoPlan(index: index, seed: self.options.seed)
            let events = plan.events(of: video)
            for clip in video.clips.indices {
                let pairs = Set(events.filter { $0.clip == clip }.map { plan.inventory.pairs[$0.pair] })
                let verbs = Set(pairs.map(\.verb))
                let nouns = Set(pairs.map(\.noun))
                let ambiguousVerbs = verbs.count { verb in pairs.count { $0.verb == verb } > 1 }
                let ambiguousNouns = nouns.count { noun in pairs.count { $0.noun == noun } > 1 }
                #expect(ambiguousVerbs * 2 > verbs.count)
                #expect(ambiguousNouns * 3 > nouns.count)
            }
        }
    }

    @Test(arguments: [(4, 12), (24, 12), (60, 30), (40, 100)])
    func aThirdOfTheTestPairsIsOnlyNarrated(videos: Int, queriesPerClip: Int) throws {
        let world = try WrittenWorld(
            SampleWorldOptions(videos: videos, seed: 11, features: false, queriesPerClip: queriesPerClip))
        let train = Set(try world.queries("nlq_train.json").map(\.pair))
        let evaluated = Set(try ["nlq_val.json", "nlq_test.json"].flatMap { try world.queries($0).map(\.videoUID) })
        let reader = NarrationReader()
        let narrated = Set(
            try world.narrations().filter { !evaluated.contains($0.videoUID) }.compactMap { reader.pair(in: $0.text) })
        for name in ["nlq_val.json", "nlq_test.json"] {
            let queries = try world.queries(name)
            let pairs = Set(queries.map(\.pair))
            let unseen = pairs.subtracting(train)
            let share = Double(unseen.count) / Double(pairs.count)
            #expect(abs(share - 1.0 / 3) < 0.04, "\(unseen.count) of \(pairs.count) in \(name)")
            #expect(unseen.isSubset(of: narrated))
            #expect(queries.count % queriesPerClip == 0)
            if name == "nlq_test.json" {
                #expect(world.summary.testPairs == pairs.count)
                #expect(world.summary.unseenTestPairs == unseen.count)
            }
        }
    }

    /// Fewer train queries leave what happens, what is narrated and how much is asked in val and test as they are.
    @Test func trainMayHaveAnotherNumberOfQueries() throws {
        let all = try WrittenWorld(SampleWorldOptions(videos: 20, seed: 3, features: false, queriesPerClip: 40))
        let few = try WrittenWorld(
            SampleWorldOptions(videos: 20, seed: 3, features: false, queriesPerClip: 40, trainQueriesPerClip: 6))
        #expect(all.summary.queries.train == few.summary.queries.train / 6 * 40)
        #expect(try few.queries("nlq_train.json").count == few.summary.queries.train)
        #expect(all.summary.queries.val == few.summary.queries.val)
        #expect(all.summary.queries.test == few.summary.queries.test)
        let train = Set(try few.queries("nlq_train.json").map(\.pair))
        let tested = Set(try few.queries("nlq_test.json").map(\.pair))
        #expect(few.summary.unseenTestPairs == tested.subtracting(train).count)
        let same = try WrittenWorld(
            SampleWorldOptions(videos: 20, seed: 3, features: false, queriesPerClip: 40, trainQueriesPerClip: 40))
        #expect(try same.bytes("nlq_train.json") == all.bytes("nlq_train.json"))
        #expect(try same.bytes("narration.json") == all.bytes("narration.json"))
    }

    @Test func inventoryHoldsOutAThirdOfThePairs() {
        for seed in 0..<20 as Range<UInt64> {
            let inventory = PairInventory(seed: seed)
            #expect(inventory.pairs.count == Lexicon.nouns.count * PairInventory.pairsPerNoun)
            #expect(Set(inventory.pairs).count == inventory.pairs.count)
            #expect(inventory.isHeldOut.count { $0 } == inventory.pairs.count / 3)
            for pair in inventory.pairs {
                #expect(Lexicon.verbs[pair.verb].kinds.contains(Lexicon.nouns[pair.noun].kind))
            }
            for verb in Lexicon.verbs.indices { #expect(inventory.pairs.count { $0.verb == verb } >= 3) }
        }
    }

    @Test func answersAreSpreadOverTheClip() throws {
        let world = try WrittenWorld(SampleWorldOptions(videos: 80, features: false, queriesPerClip: 30))
        let queries = try ["nlq_train.json", "nlq_val.json", "nlq_test.json"].flatMap { try world.queries($0) }
        var tenths = [Int](repeating: 0, count: 10)
        for query in queries {
            let middle = (try query.seconds("clip_start_sec") + query.seconds("clip_end_sec")) / 2
            tenths[min(9, Int(middle / 48))] += 1
        }
        for count in tenths { #expect((0.07...0.13).contains(Double(count) / Double(queries.count)), "\(tenths)") }
    }

    @Test func worldsOfFewVideosAreWhole() throws {
        for videos in 1...4 {
            let world = try WrittenWorld(SampleWorldOptions(videos: videos, features: false, queriesPerClip: 5))
            #expect(world.summary.queries.train > 0)
            #expect((world.summary.queries.val > 0) == (videos > 1))
            #expect((world.summary.queries.test > 0) == (videos > 2))
        }
    }
}
