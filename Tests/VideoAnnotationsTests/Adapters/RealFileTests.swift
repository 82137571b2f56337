// SPDX-License-Identifier: Apache-2.0

import Records
import Testing
import VideoAnnotations

@Suite struct RealAnnotationFileTests {
    private static let goalStep = "ego4d-goalstep/goalstep_valid.json"
    private static let captainCook = "captaincook4d/complete_step_annotations.json"
    private static let epic = "epic-kitchens-100/EPIC_100_validation.csv"
    private static let epicVideos = "epic-kitchens-100/EPIC_100_video_info.csv"

    private static func checkOrder(_ harvest: Harvest) {
        for video in harvest.videos {
            #expect(video.narrations.map(\.index) == Array(0..<video.narrations.count))
            #expect(
                zip(video.narrations, video.narrations.dropFirst()).allSatisfy { $0.timestampSec <= $1.timestampSec })
            #expect(!video.video.clips.isEmpty)
        }
        #expect(harvest.reasons.isEmpty)
        #expect(harvest.error == nil)
    }

    @Test(.enabled(if: SharedData.exists(Self.goalStep), "needs ../shared/data/ego4d-goalstep"))
    func goalStepValidation() throws {
        let harvest = try Harvest(GoalStepAdapter(annotations: SharedData.path(Self.goalStep)))
        #expect(harvest.videos.count == 134)
        #expect(harvest.texts.joined().count == 3_349 + 4_347)
        #expect(harvest.videos.allSatisfy { $0.video.durationSec != nil })
        #expect(harvest.counts.isEmpty)
        let details = harvest.videos.flatMap { $0.narrations.map(\.details) }
        #expect(details.count { $0.level == .step } == 3_349)
        // The file has two levels.
        for video in harvest.videos {
            #expect(video.video.details.goal != nil && video.video.details.goalCategory != nil)
            for narration in video.narrations where narration.details.level == .substep {
                let parent = try #require(narration.details.parent)
                #expect(video.narrations[parent].details.level == .step)
            }
        }
        let relevance = Dictionary(grouping: details.compactMap(\.relevance)) { $0 }.mapValues(\.count)
        #expect(relevance == ["essential": 6_384, "optional": 623, "irrelevant": 556, "unsure": 132])
        Self.checkOrder(harvest)
    }

    @Test(.enabled(if: SharedData.exists(Self.captainCook), "needs ../shared/data/captaincook4d"))
    func captainCook4D() throws {
        let harvest = try Harvest(CaptainCook4DAdapter(annotations: SharedData.path(Self.captainCook)))
        #expect(harvest.videos.count == 384)
        #expect(harvest.counts["not-performed"] == 287)
        #expect(harvest.texts.joined().count == 5_700 - 287)
        #expect(harvest.videos.allSatisfy { $0.video.details.goal != nil })
        #expect(harvest.videos.flatMap(\.narrations).allSatisfy { $0.details.mistake != nil })
        Self.checkOrder(harvest)
    }

    @Test(.enabled(if: SharedData.exists(Self.epic), "needs ../shared/data/epic-kitchens-100"))
    func epicKitchens() throws {
        let harvest = try Harvest(
            EpicKitchensAdapter(
                annotations: SharedData.path(Self.epic), videos: SharedData.path(Self.epicVideos)))
        #expect(harvest.videos.count == 138)
        #expect(harvest.texts.joined().count == 9_668)
        #expect(harvest.counts["without-narration-time"] == 70)
        #expect(harvest.videos.allSatisfy { $0.video.durationSec != nil })
        let first = try #require(harvest.videos.first { $0.video.videoUID == "P01_11" })
        #expect(first.narrations[0].text == "take plate")
        #expect(first.narrations[0].timestampSec == 0.56)
        #expect(first.narrations[0].annotated == Interval(0, 1.89))
        Self.checkOrder(harvest)
    }
}
