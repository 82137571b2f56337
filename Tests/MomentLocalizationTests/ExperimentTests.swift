// SPDX-License-Identifier: Apache-2.0

import Codecs
import Foundation
import MomentQueries
import Records
import Testing
import Training
import VideoAnnotations

@testable import MomentLocalization

@Suite struct ExperimentTests {
    private func query(_ number: Int, clip: String = "c", text: String = "x?") -> MomentQuery {
        MomentQuery(
            id: "\(text)\(number)", videoUID: "v", clipUID: clip, clipStart: 0, clipEnd: 100, annotationUID: "a",
            queryIndex: 0, sentence: text, template: nil,
            answer: MomentQuery.Answer(start: Double(number), end: Double(number + 2)))
    }

    @Test func armsShareTheirWindowsAndTheirOrder() {
        let shared = SharedSamples([
            "a": [5, 3, 1, 9].map { self.query($0, text: "a") }, "b": [1, 2, 3, 5].map { self.query($0, text: "b") },
        ])
        #expect(shared.queries["a"]?.map(\.id) == ["a1", "a3", "a5"])
        #expect(shared.queries["b"]?.map(\.id) == ["b1", "b3", "b5"])
        #expect(shared.dropped == 2)
        #expect(SharedSamples([:]).queries.isEmpty)
    }

    @Test func differencesArePairedAndHaveStudentsIntervals() {
        let difference = PairedDifference([3, 5, 4], minus: [1, 2, 3])
        #expect(difference.mean == 2)
        // Standard deviation 1, over the root of 3; two degrees of freedom.
        #expect(abs(difference.standardError - 1 / 3.0.squareRoot()) < 1e-12)
        #expect(abs(difference.halfWidth - 4.303 / 3.0.squareRoot()) < 1e-12)
        #expect(PairedDifference([3], minus: [1]).standardError == 0)
    }

    @Test func featuresAreSwappedWithThoseOfVideosThatAreNoShorter() {
        let ends = ["a": 900.0, "b": 480, "c": 1500, "d": 480, "e": 960]
        let standIns = MomentArm.Control.standIns(ends)
        #expect(standIns == ["b": "d", "d": "a", "a": "e", "e": "c", "c": "b"])
        #expect(MomentArm.Control.standIns(["a": 1]).isEmpty)
    }

    private static let plan = """
        {"arms": [{"name": "scratch"}, {"name": "naq", "shards": "naq", "jitter": 2.5, "control": "permuted-windows"}],
         "seeds": [1, 2], "baseline": "scratch", "pretrain_steps": 10, "finetune_steps": 5, "pretrain_learning_rate": 1e-3,
         "finetune_learning_rate": 5e-4, "batch_size": 4, "warmup": 0.05, "validation_steps": 5}
        """

    @Test func plansAreReadAndTheirFaultsNamed() throws {
        let plan = try MomentPlan(json: Bytes(Self.plan.utf8), path: "p.json")
        #expect(plan.shardSets == ["naq"] && plan.arms[1].control == .permutedWindows && plan.arms[0].shards == nil)
        for (part, other, word) in [
            ("\"baseline\": \"scratch\"", "\"baseline\": \"none\"", "none of the arms"),
            ("\"name\": \"naq\"", "\"name\": \"scratch\"", "two arms"),
            ("\"name\": \"naq\"", "\"name\": \"../x\"", "cannot be an arm's name"),
            ("\"seeds\": [1, 2], ", "", "no \"seeds\""),
            ("\"permuted-windows\"", "\"odd\"", "odd"),
            ("\"batch_size\": 4", "\"batch_size\": \"4\"", "batch_size"),
            ("\"batch_size\": 4", "\"batch_size\": 0", "at least 1"),
            ("\"batch_size\": 4", "\"batch_size\": 5000", "4096 at most"),
            ("\"seeds\": [1, 2]", "\"seeds\": [1, -9223372036854775808]", "seeds[1]"),
            ("\"seeds\": [1, 2]", "\"seeds\": [9223372036854775808]", "seed"),
            ("\"warmup\": 0.05", "\"warmup\": 1.5", "warmup"),
            ("\"jitter\": 2.5", "\"jitter\": 1e300", "jitter"),
            ("\"pretrain_steps\": 10", "\"pretrain_steps\": 1000000000", "together"),
            ("\"pretrain_learning_rate\": 1e-3", "\"pretrain_learning_rate\": 0", "above 0"),
        ] {
            let text = Self.plan.replacingOccurrences(of: part, with: other)
            let error = #expect(throws: TrainingError.self) {
                try MomentPlan(json: Bytes(text.utf8), path: "p.json")
            }
            #expect(error?.message.contains(word) == true && error?.message.contains("p.json") == true, "\(text)")
        }
    }

    @Test func armsRunAndAreGoneOnWith() throws {
        let world = try TrainingWorld()
        let annotations = try AnnotationFile(
            Bytes(
                """
                {"videos":[{"video_uid":"v1","clips":[{"clip_uid":"c","video_start_sec":0,"video_end_sec":32,\
                "annotations":[{"annotation_uid":"a","language_queries":[\
                {"clip_start_sec":4,"clip_end_sec":9,"query":"Where did I put the cup?"},\
                {"clip_start_sec":14,"clip_end_sec":20,"query":"Where did I put the knife?"}]}]}]}]}
                """.utf8), path: "t.json"
        ).split
        let sets = ["naq": try (0..<12).map { try MomentQuery(sample: TrainingWorld.sample($0)) }]
        let parts = world.parts("unused", world.options(steps: 1))
        let materials = MomentArms.Materials(
            features: world.features.path, layout: .automatic, text: parts.network.loader.text, textHash: "words",
            makeModel: { seed in
                var options = world.options(steps: 1)
                options.seed = seed
                return world.parts("unused", options).network.model
            }, samples: SharedSamples(sets), train: annotations.queries, validation: annotations, test: annotations)
        let plan = try MomentPlan(json: Bytes(Self.plan.utf8), path: "p.json")
        let whole = Experiment(plan, MomentArms(materials), folder: world.folder("whole"))
        let stopped = Experiment(plan, MomentArms(materials), folder: world.folder("stopped"))
        for arm in plan.arms {
            let result = try #require(try whole.run(arm, seed: 1, isStopping: { false }, onEvent: { _, _ in }))
            #expect(result.last.queries == 2)
            var steps = 0
            let interrupted = try stopped.run(arm, seed: 1, isStopping: { steps >= 12 }) { _, event in
                if case .step = event { steps += 1 }
            }
            #expect(interrupted == nil)
            let resumed = try #require(try stopped.run(arm, seed: 1, isStopping: { false }, onEvent: { _, _ in }))
            #expect(resumed.last == result.last && resumed.best == result.best)
            let last = CheckpointFolder(path: world.folder("whole") + "/\(arm.name)-1/finetune")
            #expect(last.steps() == [arm.shards == nil ? 15 : 5])
        }
    }
}
