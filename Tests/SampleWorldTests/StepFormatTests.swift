// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import SampleWorld

/// The steps of a world, in the formats of Ego4D Goal-Step and HoloAssist.
@Suite struct StepFormatTests {
    private typealias Object = WrittenWorld.Object
    private static let options = SampleWorldOptions(videos: 24, features: false)

    @Test func everyVideoHasAGoalAndStepsInOrder() throws {
        let world = try WrittenWorld(Self.options)
        var durations: [String: Double] = [:]
        for video in try #require(world.json("ego4d.json")["videos"] as? [Object]) {
            durations[try #require(video["video_uid"] as? String)] = try #require(video["duration_sec"] as? Double)
        }
        var uids: [String] = []
        var relevances: [String: Int] = [:]
        for name in ["goalstep_train.json", "goalstep_val.json"] {
            for video in try #require(world.json(name)["videos"] as? [Object]) {
                let uid = try #require(video["video_uid"] as? String)
                uids.append(uid)
                #expect(video["end_time"] as? Double == durations[uid])
                #expect((video["goal_description"] as? String)?.isEmpty == false)
                var last = 0.0
                for step in try #require(video["segments"] as? [Object]) {
                    let (start, end) = try Self.span(step)
                    #expect(start >= last && end > start)
                    last = end
                    relevances[try #require(step["is_relevant"] as? String), default: 0] += 1
                    let substeps = try #require(step["segments"] as? [Object])
                    #expect((1...7).contains(substeps.count))
                    #expect(substeps.first?["step_description"] as? String == step["step_description"] as? String)
                    for substep in substeps {
                        let inner = try Self.span(substep)
                        #expect(inner.start >= start && inner.end <= end)
                    }
                }
            }
        }
        #expect(Set(uids) == Set(durations.keys) && uids.count == durations.count)
        #expect(relevances.keys.sorted() == ["essential", "irrelevant", "optional"])
        #expect(relevances.values.reduce(0, +) == world.summary.steps)
    }

    private static func span(_ segment: Object) throws -> (start: Double, end: Double) {
        (try #require(segment["start_time"] as? Double), try #require(segment["end_time"] as? Double))
    }

    @Test func sessionsHaveTalkAndMistakes() throws {
        let world = try WrittenWorld(Self.options)
        let sessions = try #require(
            JSONSerialization.jsonObject(with: Data(try world.bytes("holoassist.json"))) as? [Object])
        #expect(sessions.count == world.summary.sessions)
        let lists = try ["holoassist_train.txt", "holoassist_val.txt"].map {
            String(decoding: try world.bytes($0), as: UTF8.self).split(separator: "\n").map(String.init)
        }
        #expect(lists.allSatisfy { !$0.isEmpty })
        #expect(try lists.joined().sorted() == sessions.map { try #require($0["video_name"] as? String) }.sorted())
        var (talk, mistakes) = (0, 0)
        for session in sessions {
            for event in try #require(session["events"] as? [Object]) {
                let start = try #require(event["start"] as? Double)
                #expect(try 0...481.5 ~= start && start < #require(event["end"] as? Double))
                let attributes = try #require(event["attributes"] as? [String: String])
                if attributes["Transcription"] != nil { talk += 1 }
                guard let correctness = attributes["Action Correctness"], correctness != "Correct Action" else {
                    continue
                }
                mistakes += 1
                #expect(attributes["Incorrect Action Explanation"]?.hasSuffix("too early.") == true)
            }
        }
        #expect(talk > sessions.count)
        #expect(mistakes == world.summary.mistakes && mistakes > 10)
    }
}
