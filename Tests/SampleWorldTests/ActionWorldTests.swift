// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import SampleWorld

/// The world's actions: what is written, and that what is to be learnt is in it.
@Suite struct ActionWorldTests {
    private static let options = SampleWorldOptions(videos: 3, seed: 2, actionClips: 20, actionFrames: true)

    @Test func theOtherFilesStayAsTheyAre() throws {
        let with = try WrittenWorld(Self.options)
        let without = try WrittenWorld(SampleWorldOptions(videos: 3, seed: 2))
        let files = try without.files()
        for name in files where name != WorldFolder.readMe {
            #expect(try with.bytes(name) == without.bytes(name), "\(name)")
        }
        #expect(
            try String(decoding: with.bytes(WorldFolder.readMe), as: UTF8.self).hasPrefix(
                String(decoding: without.bytes(WorldFolder.readMe), as: UTF8.self)))
        let more = Set(try with.files()).subtracting(files)
        #expect(more.count == ActionWriter.files.count + 2 * 20)
        #expect(with.summary.actionClips == 20 && with.summary.actionFiles == 40)
        #expect(try with.digest() == WrittenWorld(Self.options).digest())
    }

    @Test func anOldWorldIsClearedWhole() throws {
        let folder = try TemporaryFolder(), world = folder.url.appendingPathComponent("w")
        _ = try writeSampleWorld(Self.options, to: world)
        var options = SampleWorldOptions(videos: 3, seed: 2, features: false)
        options.overwrite = true
        _ = try writeSampleWorld(options, to: world)
        let left = try FileManager.default.contentsOfDirectory(atPath: world.path)
        #expect(!left.contains { $0.hasPrefix("fho_lta") || $0.hasPrefix("lta_") })
    }

    @Test func annotationsAreInTheOfficialForm() throws {
        let world = try WrittenWorld(Self.options)
        let taxonomy = try world.json("fho_lta_taxonomy.json")
        let verbs = try #require(taxonomy["verbs"] as? [String]), nouns = try #require(taxonomy["nouns"] as? [String])
        #expect(verbs.count == 16 && nouns.count == 16 && Set(verbs).count == 16)
        var clips: [String: Set<String>] = [:]
        for (name, split) in [
            ("fho_lta_train.json", "train"), ("fho_lta_val.json", "val"), ("fho_lta_test.json", "test"),
        ] {
            let file = try world.json(name)
            #expect(file["split"] as? String == split)
            for one in try #require(file["clips"] as? [[String: Any]]) {
                let verb = try #require(one["verb_label"] as? Int), noun = try #require(one["noun_label"] as? Int)
                #expect(one["verb"] as? String == verbs[verb] && one["noun"] as? String == nouns[noun])
                clips[split, default: []].insert(try #require(one["clip_uid"] as? String))
            }
        }
        #expect(clips["train"]?.count == 14 && clips["val"]?.count == 3 && clips["test"]?.count == 3)
        let bare = try #require(try world.json("fho_lta_test_unannotated.json")["clips"] as? [[String: Any]])
        #expect(bare.allSatisfy { $0["verb"] == nil && $0["noun_label"] == nil && $0["action_idx"] != nil })
    }

    @Test func theFirstActionDecidesLateOnes() {
        for index in 0..<40 {
            let clip = ActionClipPlan(index: index, seed: 9)
            let told = ActionLexicon.ringVerbs + clip.choice
            #expect(clip.segments[0].verb == told && (32...36).contains(clip.segments.count))
            for (place, segment) in clip.segments.enumerated().dropFirst() {
                let isLate = place >= ActionClipPlan.lateFrom && place % ActionClipPlan.lateEvery == 0
                // Nothing between them shows the choice.
                #expect(isLate ? segment.verb == told : segment.verb < ActionLexicon.ringVerbs)
                #expect(segment.end <= ActionClipPlan.length)
            }
        }
        #expect(Set((0..<40).map { ActionClipPlan(index: $0, seed: 9).choice }).count == ActionLexicon.choices)
    }

    @Test func twoActionsTellTheDirectionAndOneDoesNot() {
        var forward = 0, backward = 0, steady = 0, steps = 0
        for index in 0..<60 {
            let verbs = ActionClipPlan(index: index, seed: 4).segments.map(\.verb)
            let moves = (2..<11).map { (verbs[$0] - verbs[$0 - 1] + 12) % 12 }
            if moves.filter({ $0 == 1 }).count > moves.filter({ $0 == 11 }).count {
                forward += 1
            } else {
                backward += 1
            }
            steps += moves.count - 1
            steady += zip(moves, moves.dropFirst()).count { $0 == $1 }
        }
        #expect(forward > 15 && backward > 15)
        #expect(Double(steady) / Double(steps) > 0.7)
    }

    @Test func framesMoveAndFilesAreSound() throws {
        let clip = ActionClipPlan(index: 1, seed: 2)
        let file = ActionFrames.file(of: clip, seed: 2)
        let length = Int(file.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
        let header = try #require(
            try JSONSerialization.jsonObject(with: Data(file[8..<8 + length])) as? [String: [String: Any]])
        let shape = try #require(header["video"]?["shape"] as? [Int])
        #expect(shape == [clip.segments.count, 3, 16, 32, 32] && header["video"]?["dtype"] as? String == "U8")
        #expect(file.count == 8 + length + shape.reduce(1, *))
        // The first segment's first and last frame of red differ.
        let pixels = Array(file[(8 + length)...])
        #expect(Array(pixels[..<1024]) != Array(pixels[15 * 1024..<16 * 1024]))
    }
}
